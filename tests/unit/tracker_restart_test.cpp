// What a tracker writes, and what a run that begins from it knows.
#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <map>

#include "common/wire/batch.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/query.hpp"
#include "tracker/tracker.hpp"

using namespace presence;
using tracker::Output;
using tracker::Tracker;
using tracker::TrackerOptions;

namespace {

constexpr WallOffset kWall{1'700'000'000s};

Instant at(Duration d) {
    return Instant{1'000s + d};
}

// What a journal keeps.
struct Disk {
    std::map<Slot, std::pair<std::uint64_t, std::string>> states;
    std::map<std::uint64_t, std::string> rows;
    std::uint64_t boot = 0;
    std::string facts;
    std::uint64_t sent = 0;  // frames of the collector, which outlives trackers

    void write(const Output& out, std::uint64_t by) {
        for (const auto& publication : out.publications)
            if (publication.batch > 0) {
                CHECK(rows.emplace(publication.batch, publication.bytes).second);
                boot = by;
            }
        for (const auto& state : out.states) {
            auto& kept = states[state.slot];
            kept.first = state.batch;
            if (state.bytes) kept.second = *state.bytes;
        }
        if (out.facts) facts = *out.facts;
    }
    // Rows that no state needs go.
    void trim() {
        std::uint64_t needed_after = last();
        for (const auto& [slot, state] : states)
            needed_after = std::min(needed_after, state.first);
        if (states.size() == kSlots) rows.erase(rows.begin(), rows.lower_bound(needed_after));
    }
    [[nodiscard]] std::uint64_t last() const { return rows.empty() ? 0 : rows.rbegin()->first; }
};

std::vector<Event> events_in(const Output& out, std::optional<std::uint64_t> boot = {}) {
    std::vector<Event> all;
    for (const auto& publication : out.publications) {
        if (publication.batch == 0) continue;
        const auto batch = decode_batch(publication.bytes);
        REQUIRE(batch);
        if (boot) CHECK(batch->boot == *boot);
        for (const auto& slot : batch->slots)
            all.insert(all.end(), slot.events.begin(), slot.events.end());
    }
    return all;
}

// One run of a tracker with one collector whose clock is ours.
struct Run {
    Run(Disk& d, std::uint64_t b, Instant now,
        Tracker::Past::Users users = Tracker::Past::Users::go_on)
        : Run(d, now, options(b), users) {}
    Run(Disk& d, Instant now, const TrackerOptions& options,
        Tracker::Past::Users users = Tracker::Past::Users::go_on)
        : disk(d),
          boot(options.boot),
          base(d.sent + 1),
          tracker(options, SlotMap::rendezvous(1, {"t1"}), now) {
        for (const auto& [slot, state] : disk.states)
            CHECK(tracker.restore_state(state.second, now, kWall) == 0u);
        for (const auto& [_, row] : disk.rows)
            CHECK(tracker.restore_batch(row, now, kWall) == 0u);
        tracker.begin({disk.boot, disk.last(), disk.facts, users}, now, kWall);
    }

    [[nodiscard]] static TrackerOptions options(std::uint64_t boot) {
        TrackerOptions o;
        o.boot = boot;
        o.started_unix_ms = 1'700'000'000'000;  // the wall clock stands still: epochs rise anyway
        o.timeout = 10s;
        o.collector_grace = 10s;
        o.collectors_expected = {"c1"};
        o.clock = 5;
        o.journal = true;
        return o;
    }
    void beat(Instant now, std::vector<Row> rows = {}) { beat(now, std::move(rows), now); }
    void beat(Instant now, std::vector<Row> rows, Instant read) {
        RowGroups groups;
        for (auto& row : rows) {
            row.hash = hash_of(row.user);
            groups.append(row);
        }
        groups.close_group(PeerInstant{read.time_since_epoch()});
        FrameHeader h;
        h.cluster = "main";
        h.collector = "c1";
        h.boot = 50;
        h.number = ++disk.sent;
        h.base = base;
        h.sent = PeerInstant{now.time_since_epoch()};
        h.watermark = h.sent;
        h.echo = FrameHeader::Echo{boot, micros(now), h.sent};
        tracker.on_frame("peer", encode_frame(h, groups.take()), now, kWall);
    }
    std::vector<Event> turn(Instant now) {
        out.clear();
        while (tracker.end_turn(now, kWall, out)) {
        }
        disk.write(out, boot);
        return events_in(out, boot);
    }
    Disk& disk;
    std::uint64_t boot;
    std::uint64_t base;
    Tracker tracker;
    Output out;
};

Row row_of(std::string_view user, std::uint32_t ttl_ms = 0) {
    Row row;
    row.user = user;
    row.ttl_ms = ttl_ms;
    return row;
}

std::string brief(const std::vector<Event>& events) {
    std::string all;
    for (const auto& event : events)
        all += (event.state == State::online ? "+" : "-") + event.user + " " + event.reason + " ";
    return all;
}

}  // namespace

TEST_CASE("a restarted tracker goes on without a word for those who beat on",
          "[tracker][restart]") {
    Disk disk;
    {
        Run run(disk, 7, at(0s));
        run.beat(at(0s), {row_of("alice"), row_of("bob", 60'000)});
        CHECK(brief(run.turn(at(0s))).size() > 0);
    }
    Run run(disk, 8, at(5s));
    CHECK(run.turn(at(5s)).empty());
    run.beat(at(6s), {row_of("alice")});
    CHECK(run.turn(at(6s)).empty());
    run.beat(at(15'500ms));
    CHECK(run.turn(at(15'500ms)).empty());
    run.beat(at(16'001ms));
    CHECK(brief(run.turn(at(16'001ms))) == "-alice timeout ");
    run.beat(at(65s));
    CHECK(run.turn(at(65s)).empty());
    run.beat(at(65'001ms));
    const auto events = run.turn(at(65'001ms));
    CHECK(brief(events) == "-bob timeout ");
    CHECK(events[0].since_ms == millis(kWall.at(at(0s))));
}

TEST_CASE("a heartbeat that was over for the run before brings nobody back", "[tracker][restart]") {
    for (const bool same_clock : {true, false}) {
        Disk disk;
        {
            Run run(disk, 7, at(0s));
            run.beat(at(0s), {row_of("alice"), row_of("bob")});
            (void)run.turn(at(0s));
            run.beat(at(8s), {row_of("bob")});
            (void)run.turn(at(8s));
            run.beat(at(11s));
            CHECK(brief(run.turn(at(11s))) == "-alice timeout ");
        }
        {
            Run killed_at_once(disk, 9, at(11'500ms));
            (void)killed_at_once.turn(at(11'500ms));
        }
        auto options = Run::options(10);
        if (!same_clock) options.clock = 6;  // another machine: what its instants mean is unknown
        Run run(disk, at(12s), options);
        // A collector that the run before had given up, or has kept the frame for this one.
        run.beat(at(12s), {row_of("alice")}, at(500ms));
        // What was not yet over counts: of one who came while no tracker was there.
        run.beat(at(12s), {row_of("carol")}, at(1'500ms));
        const auto events = run.turn(at(12s));
        CHECK(events.size() == (same_clock ? 1 : 2));
        CHECK(brief(events).find("+carol heartbeat ") != std::string::npos);
        CHECK(run.tracker.counters()["stale"] == (same_clock ? 1 : 0));
    }
}

TEST_CASE("whom a run holds for the one before is told as a hold", "[tracker][restart]") {
    Disk disk;
    {
        Run run(disk, 7, at(0s));
        run.beat(at(0s), {row_of("alice"), row_of("bob", 60'000)});
        (void)run.turn(at(0s));
    }
    Run run(disk, 8, at(5s));
    const auto held = [&](Duration t) {
        run.beat(at(t));
        (void)run.turn(at(t));
        return run.tracker.holds(at(t), kWall);
    };
    auto holds = held(5s);
    REQUIRE(holds.size() == 1);
    CHECK(holds[0].what == "restart");
    CHECK(holds[0].why == "restored");
    CHECK(holds[0].sessions == 2);
    CHECK(holds[0].since_ms == millis(kWall.at(at(5s))));
    CHECK(holds[0].until_ms == millis(kWall.at(at(65s))));
    holds = held(15'001ms);
    REQUIRE(holds.size() == 1);
    CHECK(holds[0].sessions == 1);
    CHECK(held(65'001ms).empty());
}

TEST_CASE("a run begins with a batch that tells the run before; numbers go on, epochs rise",
          "[tracker][restart]") {
    Disk disk;
    std::uint64_t last = 0;
    std::map<Slot, Epoch> epochs;
    std::uint64_t before = 0;
    for (const std::uint64_t boot : {7, 8, 9}) {
        Run run(disk, boot, at(std::chrono::seconds(boot)));
        (void)run.turn(at(std::chrono::seconds(boot)));
        REQUIRE(!run.out.publications.empty());
        const auto first = decode_batch(run.out.publications[0].bytes);
        REQUIRE(first);
        CHECK(first->number == last + 1);
        CHECK(first->prev_boot == before);
        CHECK(first->slots.empty());
        // A status is told in each run, so in one slot at least the epochs are seen to rise.
        auto alice = row_of("alice", 86'000'000);
        const auto status = std::to_string(boot);
        alice.status = status;
        run.beat(at(std::chrono::seconds(boot)), {row_of("user" + status), alice});
        const auto events = run.turn(at(std::chrono::seconds(boot)));
        for (const auto& event : events) {
            CHECK(event.epoch > epochs[event.slot]);
            CHECK(event.seq == 1);
            epochs[event.slot] = event.epoch;
        }
        before = boot;
        last = disk.last();
    }
}

TEST_CASE("whoever has no room after a restart is told offline, not kept online for ever",
          "[tracker][restart]") {
    Disk disk;
    {
        Run run(disk, 7, at(0s));
        run.beat(at(0s), {row_of("alice"), row_of("bob"), row_of("carol")});
        (void)run.turn(at(0s));
        run.beat(at(0s), {row_of("dave")});
        (void)run.turn(at(0s));
    }
    auto options = Run::options(8);
    options.users_max = 1;
    Tracker tracker(options, SlotMap::rendezvous(1, {"t1"}), at(1s));
    std::size_t left_out = 0;
    for (const auto& [slot, state] : disk.states)
        left_out += tracker.restore_state(state.second, at(1s), kWall).value_or(0);
    for (const auto& [_, row] : disk.rows)
        left_out += tracker.restore_batch(row, at(1s), kWall).value_or(0);
    CHECK(left_out >= 3);
    tracker.begin({disk.boot, disk.last(), disk.facts}, at(1s), kWall);
    Output out;
    (void)tracker.end_turn(at(1s), kWall, out);
    CHECK(tracker.counters()["online"] == 1);
    const auto events = events_in(out);
    REQUIRE(events.size() == 3);
    for (const auto& event : events) {
        CHECK(event.state == State::offline);
        CHECK(event.reason == "startup");
        CHECK(event.since_ms == millis(kWall.at(at(0s))));
    }
}

TEST_CASE("on_start = offline tells everyone offline, on_shutdown too", "[tracker][restart]") {
    Disk disk;
    {
        Run run(disk, 7, at(0s));
        run.beat(at(0s), {row_of("alice"), row_of("bob")});
        (void)run.turn(at(0s));
    }
    {
        Run run(disk, 8, at(1s), Tracker::Past::Users::end);
        const auto events = run.turn(at(1s));
        REQUIRE(events.size() == 2);
        CHECK(events[0].reason == "startup");
        run.beat(at(1s), {row_of("carol")});
        (void)run.turn(at(1s));
        run.tracker.end_all(at(2s), kWall);
        CHECK(brief(run.turn(at(2s))) == "-carol shutdown ");
    }
    Run run(disk, 9, at(3s));
    CHECK(run.turn(at(3s)).empty());
    CHECK(run.tracker.counters()["online"] == 0);
}

TEST_CASE("collectors that were known are waited for after a restart", "[tracker][restart]") {
    Disk disk;
    Run run(disk, 7, at(0s));
    run.beat(at(0s));
    (void)run.turn(at(0s));
    CHECK(Tracker::collectors_in(disk.facts) == std::vector<std::string>{"c1"});
    CHECK(Tracker::collectors_in("\xc1").empty());
    CHECK(Tracker::collectors_in("").empty());
}

TEST_CASE("a frame that came before the end is not applied again after it", "[tracker][restart]") {
    Disk disk;
    auto bye = row_of("alice");
    bye.bye = true;
    {
        Run run(disk, 7, at(0s));
        run.beat(at(0s), {row_of("alice"), bye});
        CHECK(brief(run.turn(at(0s))) == "+alice heartbeat ");
        run.beat(at(500ms));
        CHECK(brief(run.turn(at(500ms))) == "-alice bye ");
    }
    {
        Run killed_at_once(disk, 8, at(1s));
        CHECK(killed_at_once.turn(at(1s)).empty());
    }
    disk.sent = 0;  // nothing was acknowledged
    Run run(disk, 9, at(2s));
    run.beat(at(2s), {row_of("alice"), bye});
    CHECK(run.turn(at(2s)).empty());
    CHECK(run.tracker.counters()["frames_duplicate"] == 1);
    CHECK(run.out.acks.size() == 1);
    run.beat(at(2s));
    CHECK(run.turn(at(2s)).empty());
    run.beat(at(2s), {row_of("alice")});
    CHECK(brief(run.turn(at(2s))) == "+alice heartbeat ");
}

TEST_CASE("what is no state or batch is not taken for one", "[tracker][restart]") {
    Disk disk;
    Run run(disk, 7, at(0s));
    for (const auto* bytes : {"", "\xc1", "\x80", "\x90"}) {
        CHECK_FALSE(run.tracker.restore_state(bytes, at(0s), kWall).has_value());
        CHECK_FALSE(run.tracker.restore_batch(bytes, at(0s), kWall).has_value());
    }
}

TEST_CASE("a restart at any moment knows whom the batches told online, and no one else",
          "[tracker][restart]") {
    rc::prop("for random lives, states and restarts", [] {
        Disk disk;
        auto now = at(0s);
        std::uint64_t boot = 1;
        auto run = std::make_unique<Run>(disk, boot, now);
        std::map<std::string, bool> told;
        const auto note = [&](const std::vector<Event>& events) {
            for (const auto& event : events) {
                const bool online = event.state == State::online;
                if (event.reason != "ttl" && event.reason != "status")
                    RC_ASSERT(told[event.user] != online);
                told[event.user] = online;
            }
        };
        const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
            rc::gen::pair(rc::gen::inRange(0, 10), rc::gen::inRange(0, 40)));
        for (const auto& [kind, user] : steps) {
            const auto id = "user" + std::to_string(user);
            if (kind < 6) {
                run->beat(now, {row_of(id, kind == 0 ? 3'000u : 0u)});
            } else if (kind < 8) {
                now += std::chrono::milliseconds(user * 100);
                run->beat(now);
            } else if (kind == 8) {
                disk.trim();
                run = std::make_unique<Run>(disk, ++boot, now);
                std::uint64_t online = 0;
                for (const auto& [_, is] : told)
                    online += is ? 1 : 0;
                RC_ASSERT(run->tracker.counters()["online"] == online);
            }
            if (kind != 8) note(run->turn(now));
        }
    });
}

TEST_CASE("whose silence was long once and is short now is held for the short one",
          "[tracker][restart]") {
    Disk disk;
    {
        Run run(disk, 7, at(0s));
        auto push = row_of("carol", 600'000);
        push.session = "push";
        auto tab = row_of("carol", 2'000);
        tab.session = "tab";
        run.beat(at(0s), {row_of("alice", 600'000), push, tab});
        CHECK(run.turn(at(0s)).size() >= 2);
        (void)run.turn(at(200ms));
        push.bye = true;
        push.ttl_ms = 0;
        run.beat(at(300ms), {row_of("alice", 2'000), push});
        CHECK(run.turn(at(300ms)).empty());
        run.beat(at(500ms));
        (void)run.turn(at(500ms));
        (void)run.turn(at(700ms));
    }
    Run run(disk, 8, at(1s));
    CHECK(run.turn(at(1s)).empty());
    run.beat(at(3'001ms));
    CHECK(brief(run.turn(at(3'001ms))) == "-alice timeout -carol timeout ");
}

TEST_CASE("a series of restarts within a ttl keeps nobody up for ever", "[tracker][restart]") {
    Disk disk;
    auto options = Run::options(7);
    options.freeze_max = 60s;
    {
        Run run(disk, at(0s), options);
        run.beat(at(0s), {row_of("left"), row_of("stays")});
        (void)run.turn(at(0s));
    }
    std::vector<Event> told;
    Duration now = 5s;
    for (; now < 2min && told.empty(); now += 5s) {
        ++options.boot;
        Run run(disk, at(now), options);
        run.beat(at(now + 1s), {row_of("stays")});
        for (const auto d : {1s, 2s, 3s, 4s}) {
            run.beat(at(now + d));
            for (auto& event : run.turn(at(now + d)))
                if (event.state == State::offline) told.push_back(event);
        }
    }
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == "left");
    CHECK(told[0].freshness == Freshness::stale);  // a run that ended may have heard them
    CHECK(now > 60s);
    CHECK(now < 90s);
}
