#include <algorithm>
#include <catch2/catch.hpp>

#include "one_sink.hpp"

using namespace presence;
using namespace presence::testing;
using notifier::Delivery;

TEST_CASE("what is kept can be read back, and nothing else", "[notifier][delivery][kept]") {
    const notifier::Facts facts{{{"t1", {7, 8}, {}}, {"t2", {}, {1, 1023}}}, 9, 10};
    CHECK(notifier::decode_facts(notifier::encode_facts(facts)) == facts);
    // Of the first version: [1, [[["t1", 7, 8]], 9, 10]]
    const notifier::Facts first{{{"t1", {7, 8}, {}}}, 9, 10};
    CHECK(notifier::decode_facts("\x92\x01\x93\x91\x93\xa2t1\x07\x08\x09\x0a") == first);
    CHECK_FALSE(notifier::decode_facts("\x92\x03\x93\x90\x09\x0a"));  // of a newer one
    CHECK_FALSE(notifier::decode_facts("nonsense"));
    CHECK_FALSE(notifier::decode_row("\x92\x02\x90"));  // of a newer version
    CHECK_FALSE(notifier::decode_shard(""));
}

TEST_CASE("what cannot be read is not restored", "[notifier][delivery][kept]") {
    OneSink sink(kUsers);
    const auto shard = notifier::encode_shard({}, {});
    CHECK(sink.delivery->restore_shard(notifier::kShards - 1, 1, shard));
    CHECK_FALSE(sink.delivery->restore_shard(notifier::kShards, 1, shard));
    CHECK_FALSE(sink.delivery->restore_shard(0, 1, "nonsense"));
    CHECK(sink.delivery->restore_row(1, notifier::encode_row({}, {})));
    CHECK_FALSE(sink.delivery->restore_row(2, "nonsense"));
    CHECK_FALSE(sink.delivery->restore_facts("nonsense"));
    CHECK(sink.delivery->restore_facts(notifier::encode_facts({})));
}

TEST_CASE("with other trackers nothing is known of where to go on", "[notifier][delivery][kept]") {
    auto sink = one_sink();
    sink.say(true, "alice");
    sink.batch();
    CHECK(brief(sink.told()) == "+alice");
    FollowerOptions follower;
    follower.trackers = {"t2"};
    Delivery other({}, follower, map_of({"t2"}, kUsers), 7);
    sink.kept.restore(other);
    CHECK(other.follower().cursor(0) == Cursor{});
    CHECK(other.follower().find("alice") != nullptr);
}

TEST_CASE("the numbers of what is kept go on after a restart, whatever is left of it",
          "[notifier][delivery][kept]") {
    for (const bool rows : {true, false}) {
        auto sink = one_sink();
        sink.say(true, "alice");
        sink.batch();
        CHECK(brief(sink.told()) == "+alice");
        const auto last = sink.kept.rows.rbegin()->first;
        if (!rows) sink.kept.rows.clear();
        sink.restart();
        sink.tick();
        sink.say(true, "bob");
        sink.batch();
        const auto job = sink.next();
        REQUIRE(job);
        REQUIRE(job->keep);
        CHECK(job->keep->row == last + 1);
    }
}

TEST_CASE("a notice that was kept is nobody who is online", "[notifier][delivery][kept]") {
    std::string user;  // of the slot that an event without a user names
    for (int i = 0; user.empty() || slot_of(hash_of(user)) != 0; ++i)
        user = "user" + std::to_string(i);
    OneSink sink({user});
    sink.tick();
    sink.say(true, user);
    sink.batch();
    CHECK(sink.told().size() == 1);
    sink.say(false, user);
    (void)sink.tracker.batch();
    sink.tracker.trim_to_last_rows(0);
    sink.tick();
    const auto told = sink.told();
    REQUIRE(told.size() == 2);
    CHECK(is_gap_notice(told[0]));
    sink.restart();
    CHECK(sink.delivery->follower().online() == 0);
}

TEST_CASE(
    "with a change about as many bytes of ledgers are kept, and none twice that did not change",
    "[notifier][delivery][kept]") {
    std::vector<std::string> users;
    for (int i = 0; i < 600; ++i)
        users.push_back("user" + std::to_string(i));
    OneSink sink(users);
    sink.tick();
    CHECK(sink.told().empty());
    for (const auto& user : users)
        sink.say(true, user);
    sink.batch();
    CHECK(sink.told().size() == users.size());
    const auto ledgers_kept_with = [&](bool online) {
        sink.say(online, users[0]);
        sink.batch();
        const auto job = sink.next();
        REQUIRE(job);
        std::size_t bytes = 0;
        std::size_t largest = 0;
        for (const auto& [shard, body] : job->keep->shards) {
            bytes += body ? body->size() : 0;
            largest = std::max(largest, body ? body->size() : 0);
        }
        CHECK(bytes < job->keep->changes.size() + largest);
        sink.keep(*job);
        sink.done(*job);
        return bytes;
    };
    for (int row = 0; row < 256; ++row)
        ledgers_kept_with(row % 2 == 1);
    // Each looks at a 16th of the ledgers, and there is one that changes.
    int rows = 0;
    for (int row = 0; row < 16; ++row)
        rows += ledgers_kept_with(row % 2 == 1) > 0 ? 1 : 0;
    CHECK(rows <= 2);
}
