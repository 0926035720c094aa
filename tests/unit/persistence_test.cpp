#include "tracker/persistence.hpp"

#include <poll.h>
#include <sqlite3.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "common/io/clock.hpp"
#include "common/io/temporary_directory.hpp"
#include "common/wire/batch.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/test_disk.hpp"

using namespace presence;
using namespace presence::tracker;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// A tracker over what it keeps, in runs: the shell's part of a loop, without sockets.
struct KeptTracker {
    explicit KeptTracker(Durability durability = Durability::process) {
        program.config.presence.durability = durability;
        own.id = "t1";
        own.data = directory.path / "t1";
    }

    void open() { persistence.emplace(program, own); }
    // A run, from opening the directory on.
    void begin() {
        if (!persistence) open();
        TrackerOptions options;
        options.tracker = "t1";
        options.boot = ++boot;
        options.timeout = options.collector_grace = 10s;
        options.collectors_expected = persistence->collectors();
        options.journal = persistence->on();
        tracker.emplace(std::move(options), SlotMap::rendezvous(1, {"t1"}), io::now());
        persistence->begin(*tracker);
        ready.clear();
    }
    void end() {
        persistence->stop(20s, ready);
        persistence.reset();
        tracker.reset();
    }

    // A heartbeat of the user, a question, and a turn: its output.
    Output turn_with(const std::string& user) {
        const auto now = io::now();
        RowGroups groups;
        groups.append(Row{.hash = hash_of(user), .user = user});
        groups.close_group(PeerInstant{now.time_since_epoch()});
        FrameHeader h;
        h.cluster = "main";
        h.collector = "c1";
        h.boot = 50;
        h.number = h.base = ++number;
        h.sent = h.watermark = PeerInstant{now.time_since_epoch()};
        h.echo = FrameHeader::Echo{boot, micros(now), h.sent};
        tracker->on_frame("peer", encode_frame(h, groups.take(), ""), now, io::wall_offset());
        tracker->on_query("asker", encode_query({CountQuery{}, 42}));
        return turn();
    }
    Output turn() {
        Output out;
        tracker->end_turn(io::now(), io::wall_offset(), out);
        return out;
    }
    void take(Output out) { persistence->take(out, ready); }
    // The batch with which a run begins: its number.
    std::uint64_t take_first() {
        auto first = turn();
        std::uint64_t newest = 0;
        for (const auto& publication : first.publications)
            newest = std::max(newest, publication.batch);
        take(std::move(first));
        return newest;
    }
    void write(const std::string& user) {
        const auto before = batches();
        take(turn_with(user));
        until([&] { return batches() > before; });
    }
    // Waits for what the disk does, as the loop: until its descriptor can be read.
    template <class Done>
    void until(Done done) {
        for (persistence->turn(*tracker, ready); !done(); persistence->turn(*tracker, ready)) {
            pollfd fd{persistence->fd(), POLLIN, 0};
            REQUIRE(::poll(&fd, 1, 20'000) == 1);
        }
    }
    // Why the disk holds timeouts, as `status` says.
    [[nodiscard]] std::string held_by_disk() const {
        for (const auto& hold : tracker->holds(io::now(), io::wall_offset()))
            if (hold.what == "disk") return hold.why + ": " + hold.error;
        return "";
    }
    [[nodiscard]] std::size_t batches() const {
        return static_cast<std::size_t>(
            std::count_if(ready.publications.begin(), ready.publications.end(),
                          [](const Publication& p) { return p.batch > 0; }));
    }

    io::TemporaryDirectory directory;
    io::Program program;
    TrackerConfig own;
    std::optional<Persistence> persistence;
    std::optional<Tracker> tracker;
    Output ready;
    std::uint64_t boot = 100;
    std::uint64_t number = 0;
    test::CapturedLog log;
};

// The disk of all stores that name none.
struct DefaultDisk {
    DefaultDisk() : before(::sqlite3_vfs_find(nullptr)) {
        ::sqlite3_vfs_register(::sqlite3_vfs_find(disk.name().c_str()), 1);
    }
    ~DefaultDisk() { ::sqlite3_vfs_register(before, 1); }

    test::TestDisk disk;
    sqlite3_vfs* before;
};

std::string shown(const Output& out) {
    const auto n = [](const auto& of) { return std::to_string(of.size()); };
    return "publications " + n(out.publications) + " acks " + n(out.acks) + " snapshots " +
           n(out.snapshots) + " answers " + n(out.answers);
}

// Of each kind one: what waits for batch `number` of that many bytes, and what waits for nothing.
Output one_of_each(std::uint64_t number, std::size_t bytes = 1) {
    Output out;
    out.publications.push_back({"batch", std::string(bytes, 'b'), number});
    out.acks.push_back({"c1", "ack"});
    out.snapshots.push_back({"asker", "snapshot"});
    out.answers.push_back({"asker", "answer"});
    return out;
}

}  // namespace

TEST_CASE("nothing is told before it is written, but what needs no writing",
          "[tracker][persistence]") {
    DefaultDisk of;
    KeptTracker world;
    world.begin();
    CHECK(world.persistence->on());
    of.disk.set_full(true);
    const auto next = world.take_first() + 1;
    world.take(one_of_each(next));
    CHECK(world.batches() == 0);  // but a tick
    CHECK(shown(world.ready) == "publications 1 acks 1 snapshots 0 answers 1");
    world.until([&] { return !world.log.take().empty(); });  // a write has failed
    CHECK(shown(world.ready) == "publications 1 acks 1 snapshots 0 answers 1");

    of.disk.set_full(false);
    world.until([&] { return !world.ready.snapshots.empty(); });
    CHECK(world.ready.publications.back().batch == next);
    CHECK(world.ready.snapshots.size() == 1);
}

TEST_CASE("the tracker learns how writing goes, and so does the log", "[tracker][persistence]") {
    DefaultDisk of;
    KeptTracker world;
    world.begin();
    world.log.take();
    of.disk.set_full(true);
    world.take(world.turn_with("alice"));
    std::vector<std::string> lines;
    world.until([&] { return !(lines = world.log.take()).empty(); });
    REQUIRE(lines.size() == 1);
    CHECK_THAT(lines[0], Contains("error journal_failing reason=") && Contains("disk full"));
    // Until it is over nobody is told offline, and `status` says why.
    (void)world.turn();
    CHECK_THAT(world.held_by_disk(), StartsWith("failing: ") && Contains("disk full"));

    of.disk.set_full(false);
    world.until([&] { return world.batches() > 0; });
    (void)world.turn();
    CHECK(world.held_by_disk().empty());
    CHECK_THAT(world.log.take().at(0), Contains("warn journal_recovered after_ms="));
}

TEST_CASE("beyond 64 MiB on their way to the disk it is full", "[tracker][persistence]") {
    DefaultDisk of;
    KeptTracker world;
    world.begin();
    of.disk.set_full(true);
    auto number = world.take_first();
    for (std::size_t mib = 0; mib < 63; ++mib)
        world.take(one_of_each(++number, std::size_t{1} << 20));
    CHECK_FALSE(world.persistence->full());
    world.take(one_of_each(++number, std::size_t{1} << 20));
    world.take(one_of_each(++number, std::size_t{1} << 20));
    CHECK(world.persistence->full());
    of.disk.set_full(false);
    world.until([&] { return world.batches() >= 65; });
    CHECK_FALSE(world.persistence->full());
}

TEST_CASE("a disk that can never be written again ends the run", "[tracker][persistence]") {
    DefaultDisk of;
    KeptTracker world;
    world.begin();
    of.disk.set_failure(SQLITE_CORRUPT);
    world.take(world.turn_with("alice"));
    CHECK_THROWS_AS(world.until([] { return false; }), io::StoreError);
}

TEST_CASE("a run goes on from what the one before wrote", "[tracker][persistence]") {
    KeptTracker world;
    world.open();
    CHECK(world.persistence->collectors().empty());
    world.begin();
    world.write("alice");
    world.end();

    world.open();
    CHECK(world.persistence->collectors() == std::vector<std::string>{"c1"});
    world.begin();
    CHECK(world.tracker->counters()["online"] == 1);
    world.take(world.turn());
    world.until([&] { return world.batches() > 0; });
    const auto begin =
        std::find_if(world.ready.publications.begin(), world.ready.publications.end(),
                     [](const Publication& p) { return p.batch > 0; });
    const auto batch = decode_batch(begin->bytes);
    REQUIRE(batch);
    CHECK(batch->boot == 102);
    CHECK(batch->prev_boot == 101);
}

TEST_CASE("on_start = offline ends whom the run before left online", "[tracker][persistence]") {
    KeptTracker world;
    world.begin();
    world.write("alice");
    world.end();
    world.program.config.presence.on_start = OnStart::offline;
    world.begin();
    CHECK(world.tracker->counters()["online"] == 0);
}

TEST_CASE("stop writes what waits, and says what of it may be told", "[tracker][persistence]") {
    KeptTracker world;
    world.begin();
    world.take(world.turn_with("alice"));
    world.persistence->stop(20s, world.ready);
    CHECK(world.batches() > 0);
    CHECK(world.ready.acks.size() == 1);
}

TEST_CASE("stop does not wait longer than it is told to", "[tracker][persistence]") {
    DefaultDisk of;
    KeptTracker world;
    world.begin();
    of.disk.set_full(true);
    world.take(world.turn_with("alice"));
    world.log.take();
    world.persistence->stop(0s, world.ready);
    CHECK(world.batches() == 0);
    CHECK_THAT(world.log.take().back(), Contains("error journal_not_written waiting_bytes="));
}

TEST_CASE("a replay is answered from the journal; of too many the asker is told",
          "[tracker][persistence]") {
    KeptTracker world;
    world.begin();
    world.write("alice");
    world.write("bob");
    world.ready.clear();
    Output asks;
    for (std::uint64_t rid = 0; rid < 1000; ++rid)
        asks.replays.push_back({"asker", rid, 101, 1});
    world.take(asks);
    world.until([&] { return world.ready.answers.size() == 1000; });
    std::size_t rows = 0, busy = 0;
    for (const auto& answer : world.ready.answers) {
        const auto read = decode_answer(answer.bytes);
        REQUIRE(read);
        if (const auto* const error = std::get_if<QueryError>(&read->body))
            busy += error->code == "busy" ? 1 : 0;
        else
            rows += std::get<ReplayAnswer>(read->body).rows.empty() ? 0 : 1;
    }
    CHECK(rows >= 64);
    CHECK(busy > 0);
    CHECK(rows + busy == 1000);
}

TEST_CASE("with durability off nothing is kept and nothing waits", "[tracker][persistence]") {
    KeptTracker world(Durability::off);
    world.begin();
    CHECK_FALSE(world.persistence->on());
    CHECK(world.persistence->fd() == -1);
    CHECK(world.persistence->collectors().empty());
    world.take(world.turn_with("alice"));
    CHECK(world.batches() > 0);
    CHECK(world.ready.acks.size() == 1);
    world.take(one_of_each(100, std::size_t{65} << 20));
    CHECK_FALSE(world.persistence->full());
    world.end();
    CHECK_FALSE(std::filesystem::exists(world.own.data));
}

TEST_CASE("with durability off an earlier journal is set aside, as it would tell what was",
          "[tracker][persistence]") {
    KeptTracker world;
    world.begin();
    world.write("alice");
    world.end();
    world.program.config.presence.durability = Durability::off;
    world.log.take();
    world.begin();
    CHECK(world.tracker->counters()["online"] == 0);
    CHECK_THAT(world.log.take().at(0), Contains("warn journal_set_aside data="));
    world.end();
    world.program.config.presence.durability = Durability::process;
    world.begin();
    CHECK(world.tracker->counters()["online"] == 0);
}

TEST_CASE("a directory that cannot be used is refused when it is opened",
          "[tracker][persistence]") {
    KeptTracker world;
    world.begin();
    world.end();
    world.own.id = "t2";
    CHECK_THROWS_AS(world.open(), io::StoreError);
}

TEST_CASE("what an earlier run wrote and we cannot read is refused, not left out",
          "[tracker][persistence]") {
    KeptTracker world;
    const bool state = GENERATE(true, false);
    if (!state) {
        world.begin();
        world.write("alice");
        world.end();
    }
    {
        io::Store store({world.own.data, "tracker t1 of main"});
        io::Store::Write write;
        const auto next = store.last() + 1;
        write.rows.push_back({next, 900, "of a newer version"});
        if (state) write.states.push_back({3, next, "of a newer version"});
        store.write(write, 0);
    }
    CHECK_THROWS_WITH(world.begin(), Contains(state ? "state 3 in " : "row ") &&
                                         Contains("cannot be read: of a newer version?"));
}
