// Collectors and trackers that go by different lists of trackers, as while one is rolled out.
#include <catch2/catch.hpp>
#include <map>

#include "common/wire/batch.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/tracker_list.hpp"
#include "tests/unit/tracker_world.hpp"

using namespace presence;
using namespace presence::tracker;

namespace {

const SlotMap kOld = SlotMap::rendezvous(1, {"t1"});
const SlotMap kNew = SlotMap::rendezvous(2, {"t1", "t2"});

// A user whose slot moves from t1 to t2, and one whose slot stays.
std::string user_of(std::size_t owner, std::size_t n = 0) {
    for (int i = 0;; ++i) {
        auto user = "u" + std::to_string(i);
        if (kNew.owner[slot_of(hash_of(user))] == owner && n-- == 0) return user;
    }
}

// A tracker with two collectors, whose clocks are its own and whose links take no time.
struct Mixed {
    explicit Mixed(const SlotMap& map = kOld, TrackerOptions o = options(), const char* id = "t1")
        : tracker((o.tracker = id, o), map, at(0s)) {
        tracker.begin({}, at(0s), kWall);
    }
    static TrackerOptions options() {
        auto o = options_of({"t1", "t2"});
        o.collectors_expected = {"c1", "c2"};
        o.freeze_max = 60s;
        return o;
    }

    // `rows`: routed by `map`, as a collector does.
    void frame(const std::string& collector, const SlotMap& map, Duration now,
               const std::vector<std::string>& users = {}, bool knows = false) {
        RowGroups groups;
        for (const auto& user : users)
            groups.append(Row{.hash = hash_of(user), .user = user});
        frame_of(collector, map, now, groups, now, knows);
    }
    void frame_of(const std::string& collector, const SlotMap& map, Duration now, RowGroups& groups,
                  Duration read, bool knows = false) {
        groups.close_group(PeerInstant{at(read).time_since_epoch()});
        FrameHeader h;
        h.cluster = "main";
        h.collector = collector;
        h.boot = 50;
        h.number = ++numbers[collector];
        h.base = 1;
        h.map_version = map.version;
        h.list_hash = rank_of(map).hash;
        h.sent = PeerInstant{at(now).time_since_epoch()};
        h.watermark = h.sent;
        h.echo = FrameHeader::Echo{7, micros(at(now)), h.sent};
        h.dropped = dropped;
        h.epoch = epoch;
        tracker.on_frame(
            collector,
            encode_frame(h, groups.take(), "", "", knows ? std::string() : encode_list(map)),
            at(now), kWall);
    }
    // Both collectors each half second, by their lists; `users` beat through `by`.
    std::vector<Event> run(Duration from, Duration to, const SlotMap& c1, const SlotMap& c2,
                           const std::string& by = "c1",
                           const std::vector<std::string>& users = {}) {
        std::vector<Event> all;
        for (auto now = from; now < to; now += 500ms) {
            frame("c1", c1, now, by == "c1" ? users : std::vector<std::string>{});
            frame("c2", c2, now, by == "c2" ? users : std::vector<std::string>{});
            turn(now, all);
        }
        return all;
    }
    void turn(Duration now, std::vector<Event>& all) {
        out.clear();
        while (tracker.end_turn(at(now), kWall, out)) {
        }
        for (const auto& publication : out.publications) {
            if (publication.topic != kTopicBatch) continue;
            const auto batch = decode_batch(publication.bytes).value();
            for (const auto& slot : batch.slots)
                all.insert(all.end(), slot.events.begin(), slot.events.end());
        }
    }
    Answer ask(Duration now, decltype(Query::op) op) {
        tracker.on_query("asker", encode_query({std::move(op), 1}));
        out.clear();
        (void)tracker.end_turn(at(now), kWall, out);
        const auto& answers = out.snapshots.empty() ? out.answers : out.snapshots;
        return decode_answer(answers.at(0).bytes).value();
    }
    std::pair<Known, Freshness> get(Duration now, const std::string& user) {
        const auto answer = ask(now, GetQuery{{user}});
        return {std::get<GetAnswer>(answer.body).users.at(0).state, answer.freshness};
    }

    Tracker tracker;
    Output out;
    std::map<std::string, std::uint64_t> numbers;
    std::uint64_t dropped = 0;
    Epoch epoch = 0;
};

const std::string kMoves = user_of(1);
const std::string kStays = user_of(0);

}  // namespace

TEST_CASE("nobody is offline whose heartbeats a newer list takes elsewhere", "[tracker][lists]") {
    Mixed world;
    CHECK(world.run(0s, 2s, kOld, kOld, "c1", {kMoves, kStays}).size() == 2);
    CHECK(world.run(2s, 20s, kOld, kOld, "c1", {kMoves}).at(0).user == kStays);
    CHECK(world.run(20s, 22s, kOld, kOld, "c1", {kMoves, kStays}).size() == 1);
    // c1 has the new list: what it reads of kMoves goes to t2. Two timeouts pass.
    const auto events = world.run(22s, 45s, kNew, kOld);
    REQUIRE(events.size() == 1);  // time stands for those users only
    CHECK(events[0].user == kStays);
    CHECK(events[0].freshness == Freshness::live);
    CHECK(world.tracker.counters()["slots_not_fed"] == kNew.slots_of(1).size());

    CHECK(world.get(45s, kMoves) == std::pair(Known::online, Freshness::frozen));
    CHECK(world.get(45s, user_of(1, 1)) == std::pair(Known::unknown, Freshness::frozen));
    CHECK(world.get(45s, user_of(0, 1)) == std::pair(Known::offline, Freshness::live));
    CHECK(world.ask(45s, CountQuery{}).freshness == Freshness::frozen);
    const auto snapshot = world.ask(45s, SnapshotQuery{slot_of(hash_of(kMoves)), ""});
    CHECK(std::get<SnapshotAnswer>(snapshot.body).covers_ms == 0);
    CHECK(snapshot.freshness == Freshness::frozen);
}

TEST_CASE("status tells whose list is older", "[tracker][lists]") {
    Mixed world;
    world.run(0s, 2s, kOld, kOld, "c1", {kMoves});
    world.run(2s, 4s, kOld, kNew);
    auto holds = world.tracker.holds(at(4s), kWall);
    REQUIRE(holds.size() == 1);
    CHECK(holds[0].what == "collector:c2");
    CHECK(holds[0].why == "newer_list");
    CHECK(holds[0].until_ms > holds[0].since_ms + 50'000);

    Mixed newer(kNew);
    newer.run(0s, 2s, kNew, kOld);
    holds = newer.tracker.holds(at(2s), kWall);
    REQUIRE(holds.size() == 1);
    CHECK(holds[0].what == "collector:c2");
    CHECK(holds[0].why == "older_list");
    CHECK(holds[0].sessions == 0);  // it feeds us all that is ours
    CHECK(newer.tracker.counters()["slots_not_fed"] == 0);

    const auto other = SlotMap::rendezvous(1, {"t1", "t3"});  // two lists of one version
    world.run(4s, 5s, kOld, other);
    holds = world.tracker.holds(at(5s), kWall);
    REQUIRE(holds.size() == 1);
    CHECK(holds[0].why == "other_list");
    CHECK(world.tracker.counters()["slots_not_fed"] == other.slots_of(1).size());
}

TEST_CASE("a list in another order is the same list", "[tracker][lists]") {
    CHECK(rank_of(kNew) == rank_of(SlotMap::rendezvous(2, {"t2", "t1"})));
    CHECK(rank_of(kNew) != rank_of(SlotMap::rendezvous(2, {"t1", "t3"})));
    CHECK(rank_of(SlotMap::rendezvous(2, {"t1"})) > rank_of(kOld));
    CHECK(decode_list(encode_list(kNew)) == kNew.trackers);
    CHECK_FALSE(decode_list("\3t1"));
    CHECK_FALSE(decode_list(std::string(1, '\0')));
    CHECK_FALSE(decode_list(""));
}

TEST_CASE("a slot that is fed again gives its users a whole ttl", "[tracker][lists]") {
    Mixed world;
    world.run(0s, 2s, kOld, kOld, "c1", {kMoves});
    world.run(2s, 30s, kNew, kOld);
    // The old list once more, under a new version: the user beats still, and was heard elsewhere.
    const auto back = SlotMap::rendezvous(3, {"t1"});
    world.tracker.adopt(back, {}, at(30s), 1'700'000'030'000);
    CHECK(world.run(30s, 39s, back, back).empty());
    CHECK(world.get(39s, user_of(1, 1)).first == Known::unknown);
    const auto events = world.run(39s, 42s, back, back);
    REQUIRE(events.size() == 1);
    CHECK(events[0].user == kMoves);
    CHECK(events[0].at_ms == 1'700'001'040'000);
    CHECK(world.get(42s, user_of(1, 1)).first == Known::offline);
}

TEST_CASE("a slot that was not fed between two frames of a turn is lifted", "[tracker][lists]") {
    Mixed world;
    world.run(0s, 2s, kOld, kOld, "c1", {kMoves});
    world.run(2s, 9s, kOld, kOld);
    world.frame("c1", kNew, 9s);
    world.frame("c1", kOld, 9s, {}, true);
    CHECK(world.run(9s, 18s, kOld, kOld).empty());
}

TEST_CASE("what a list holds is bounded, then told as stale", "[tracker][lists]") {
    Mixed world;
    world.run(0s, 2s, kOld, kOld, "c1", {kMoves, kStays});
    const auto events = world.run(2s, 100s, kNew, kOld, "c1", {kStays});
    REQUIRE(events.size() == 1);
    CHECK(events[0].user == kMoves);
    CHECK(events[0].state == State::offline);
    CHECK(events[0].freshness == Freshness::stale);
    CHECK(world.get(100s, kMoves) == std::pair(Known::unknown, Freshness::stale));
    CHECK(world.get(100s, user_of(0, 1)) == std::pair(Known::offline, Freshness::live));
}

TEST_CASE("slots that lack evidence one after another are stale each in its time",
          "[tracker][lists]") {
    const auto third = SlotMap::rendezvous(3, {"t1", "t3"});
    std::string later;  // stays with t1 in the second list, and moves in the third
    for (std::size_t n = 0; later.empty(); ++n) {
        const auto user = user_of(0, n);
        if (third.owner[slot_of(hash_of(user))] == 1) later = user;
    }
    Mixed world;
    world.run(0s, 2s, kOld, kOld);
    world.run(2s, 42s, kNew, kOld);
    CHECK(world.run(42s, 70s, kNew, third).empty());
    CHECK(world.get(70s, kMoves).first == Known::unknown);
    CHECK(world.tracker.feeds().freshness_of(slot_of(hash_of(kMoves))) == Freshness::stale);
    CHECK(world.tracker.feeds().freshness_of(slot_of(hash_of(later))) == Freshness::frozen);
    world.run(70s, 103s, kNew, third);
    CHECK(world.tracker.feeds().freshness_of(slot_of(hash_of(later))) == Freshness::stale);
}

TEST_CASE("our own stop is no time in which a slot lacks evidence", "[tracker][lists]") {
    Mixed world;
    world.run(0s, 2s, kOld, kOld);
    world.run(2s, 22s, kNew, kOld);
    std::vector<Event> events;
    for (auto now = 22s; now < 72s; now += 10s) {
        world.turn(now + 8s, events);
        world.run(now + 8s, now + 10s, kNew, kOld);
    }
    CHECK(world.tracker.feeds().freshness() == Freshness::frozen);
    world.run(72s, 110s, kNew, kOld);
    CHECK(world.tracker.feeds().freshness() == Freshness::stale);
}

TEST_CASE("a collector that left holds no slot, and one whose list is not told holds all",
          "[tracker][lists]") {
    Mixed world;
    world.run(0s, 2s, kOld, kOld, "c1", {kMoves});
    world.frame("c2", kNew, 2s, {}, true);  // it takes us to know that list
    std::vector<Event> events;
    world.turn(2s, events);
    CHECK(world.tracker.counters()["slots_not_fed"] == kSlots);
    world.frame("c2", kNew, 2500ms);
    world.turn(2500ms, events);
    CHECK(world.tracker.counters()["slots_not_fed"] == kNew.slots_of(1).size());
}

TEST_CASE("a slot taken lately answers unknown until a timeout has passed", "[tracker][lists]") {
    const auto both = SlotMap::rendezvous(1, {"t1", "t2"});
    Mixed world(both);
    world.run(0s, 15s, both, both);
    const auto alone = SlotMap::rendezvous(2, {"t1"});
    CHECK(world.get(15s, kStays) == std::pair(Known::offline, Freshness::live));
    world.tracker.adopt(alone, {}, at(15s), 1'700'000'015'000);
    world.run(15s, 20s, alone, alone);
    CHECK(world.get(20s, kMoves) == std::pair(Known::unknown, Freshness::warming));
    CHECK(world.get(20s, kStays) == std::pair(Known::offline, Freshness::live));
    CHECK(world.ask(20s, CountQuery{}).freshness == Freshness::warming);
    world.run(20s, 26s, alone, alone);
    CHECK(world.get(26s, kMoves) == std::pair(Known::offline, Freshness::live));
}

TEST_CASE("a slot taken lately gives its users a whole ttl, as their rows were refused before",
          "[tracker][lists]") {
    Mixed world(kNew);
    const auto alone = SlotMap::rendezvous(3, {"t1"});
    world.run(0s, 15s, kNew, kNew);
    world.run(15s, 20s, alone, alone, "c1", {kMoves});  // the collectors were first
    CHECK(world.tracker.counters()["moved"] > 0);
    world.tracker.adopt(alone, {}, at(20s), 1'700'000'020'000);
    // What was read before that, and had waited elsewhere, comes now.
    RowGroups groups;
    groups.append(Row{.hash = hash_of(kMoves), .user = kMoves, .ttl_ms = 6'000});
    world.frame_of("c1", alone, 20s, groups, 15s);
    CHECK(world.run(20s, 25s, alone, alone).size() == 1);
    const auto events = world.run(25s, 27s, alone, alone);
    REQUIRE(events.size() == 1);
    CHECK(events[0].at_ms == 1'700'001'026'000);
}

TEST_CASE("a slot that is fed again begins above what its owner meanwhile told",
          "[tracker][lists][epoch]") {
    Mixed world;
    world.run(0s, 15s, kOld, kOld);
    const auto epoch_of = [&](Duration now) {
        const auto answer = world.ask(now, SnapshotQuery{slot_of(hash_of(kMoves)), ""});
        return std::get<SnapshotAnswer>(answer.body).epoch;
    };
    const auto before = epoch_of(15s);
    world.run(15s, 16s, kNew, kOld);
    world.epoch = make_epoch(1'800'000'000'000, "t2", 0);
    world.run(16s, 17s, kNew, kOld);
    CHECK(epoch_of(17s) == before);
    world.run(17s, 18s, kOld, kOld);
    CHECK(epoch_of(18s) > world.epoch);
}

TEST_CASE("a tracker whose clock is behind begins slots above epochs it hears of",
          "[tracker][lists][epoch]") {
    const auto both = SlotMap::rendezvous(1, {"t1", "t2"});
    const auto ahead = make_epoch(1'800'000'000'000, "t2", 0);
    const auto epoch_of = [](Mixed& world, Duration now, const std::string& user) {
        const auto answer = world.ask(now, SnapshotQuery{slot_of(hash_of(user)), ""});
        return std::get<SnapshotAnswer>(answer.body).epoch;
    };
    Mixed world(both);
    world.run(0s, 15s, both, both);
    const auto own = epoch_of(world, 15s, kStays);
    world.epoch = ahead;
    world.run(15s, 16s, both, both);
    CHECK(epoch_of(world, 16s, kStays) == own);  // what is ours stays as it is
    const auto acks = world.out.acks.size();
    CHECK(acks == 0);
    const auto alone = SlotMap::rendezvous(2, {"t1"});
    world.tracker.adopt(alone, {}, at(16s), 1'700'000'016'000);
    CHECK(epoch_of(world, 16s, kMoves) > ahead);
    CHECK(epoch_of(world, 16s, kStays) == own);

    // One that starts with slots which were another's: with its first frame, before its first row.
    Mixed begun(both);
    begun.epoch = ahead;
    const auto events = begun.run(0s, 1s, both, both, "c1", {kStays});
    REQUIRE(events.size() == 1);
    CHECK(events[0].epoch > ahead);
    const auto raised = epoch_of(begun, 1s, kStays);
    begun.epoch = raised + (1 << 20);  // another tracker did the same
    begun.run(1s, 2s, both, both);
    CHECK(epoch_of(begun, 2s, kStays) == raised);
    std::vector<Event> none;
    begun.frame("c1", both, 2s);
    begun.turn(2s, none);
    CHECK(decode_ack(begun.out.acks.at(0).bytes)->epoch == begun.epoch);  // and passes it on
    CHECK(decode_ack(begun.out.acks.at(0).bytes)->list() == rank_of(both));

    Mixed forged(both);
    forged.epoch = kEpochEnd - 2048;
    forged.run(0s, 1s, both, both);
    CHECK(epoch_of(forged, 1s, kStays) < ahead);
}
