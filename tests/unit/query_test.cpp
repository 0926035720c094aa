#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "common/limits.hpp"
#include "common/wire/msgpack_writer.hpp"
#include "common/wire/query.hpp"

using namespace presence;

namespace {

template <class Op>
Op reread(const Op& op, std::optional<std::uint64_t> rid = 7) {
    const auto read = decode_query(encode_query({op, rid}));
    REQUIRE(std::holds_alternative<Query>(read));
    CHECK(std::get<Query>(read).rid == rid);
    REQUIRE(std::holds_alternative<Op>(std::get<Query>(read).op));
    return std::get<Op>(std::get<Query>(read).op);
}

QueryError refusal(const std::string& bytes) {
    const auto read = decode_query(bytes);
    REQUIRE(std::holds_alternative<QueryError>(read));
    CHECK_FALSE(std::get<QueryError>(read).message.empty());
    return std::get<QueryError>(read);
}

template <class Body>
Body reread_answer(const Body& body) {
    const auto read = decode_answer(encode_answer({body, 9, Freshness::stale, 123}));
    REQUIRE(read.has_value());
    CHECK(read->rid == 9);
    CHECK(read->freshness == Freshness::stale);
    CHECK(read->as_of_ms == 123);
    REQUIRE(std::holds_alternative<Body>(read->body));
    return std::get<Body>(read->body);
}

std::string get_of(auto write_user) {
    MsgpackWriter out;
    out.map(3).text("rid").number(5u).text("op").text("get").text("users").array(1);
    write_user(out);
    return out.take();
}

}  // namespace

TEST_CASE("a question is read as it was written", "[codec][query]") {
    CHECK(reread(GetQuery{{"alice", "bob"}}).users == std::vector<std::string>{"alice", "bob"});
    CHECK(reread(GetQuery{}).users.empty());
    (void)reread(CountQuery{}, std::nullopt);
    CHECK(reread(ListQuery{"3.ff"}).cursor == "3.ff");
    (void)reread(MapQuery{});
    (void)reread(StatusQuery{});
    CHECK(reread(SnapshotQuery{1023, "x"}).slot == 1023);
    CHECK(reread(ReplayQuery{5, 0}).boot == 5);
    CHECK(reread(ReplayQuery{5, 6}).after == 6);
}

TEST_CASE("an integer id is its decimal text, bin is text", "[codec][query]") {
    const auto users = [](const std::string& bytes) {
        return std::get<GetQuery>(std::get<Query>(decode_query(bytes)).op).users;
    };
    CHECK(users(get_of([](auto& out) { out.number(42u); })).at(0) == "42");
    CHECK(users(get_of([](auto& out) { out.number(-42); })).at(0) == "-42");
    CHECK(users(get_of([](auto& out) { out.bin("bob"); })).at(0) == "bob");
}

TEST_CASE("a refused question is told why, with its rid", "[codec][query]") {
    const auto with = [](const char* op, const char* key, auto write) {
        MsgpackWriter out;
        out.map(3).text("op").text(op).text(key);
        write(out);
        out.text("rid").number(5u);
        return refusal(out.take());
    };
    const auto number = [](auto& out) { out.number(1024u); };
    for (const auto& error : {with("evict", "x", number), with("snapshot", "x", number),
                              with("replay", "after", number), with("replay", "boot", number),
                              with("snapshot", "slot", number), with("get", "users", number),
                              with("list", "cursor", number), with("get", "x", number)})
        CHECK(error.rid == 5);
    CHECK(with("evict", "x", number).code == "unknown_op");
    CHECK(with("snapshot", "slot", number).code == "bad_slot");
    CHECK(with("snapshot", "slot", [](auto& out) { out.number(-1); }).code == "bad_slot");
    CHECK(with("get", "users", number).code == "bad_query");
    CHECK(with("list", "cursor", number).code == "bad_cursor");
    for (const std::string& user :
         {std::string(), std::string(129, 'x'), std::string("a\nb"), std::string("\xff")})
        CHECK(refusal(get_of([&](auto& out) { out.text(user); })).code == "bad_user");
    CHECK(refusal(get_of([](auto& out) { out.nil(); })).code == "bad_user");
    CHECK(refusal(get_of([](auto& out) { out.nil(); })).rid == 5);
}

TEST_CASE("why an answer is stale comes with it, and only then", "[codec][query]") {
    Answer answer{CountAnswer{3, 4}, 5, Freshness::stale, 6, {"disk", "lists"}};
    CHECK(decode_answer(encode_answer(answer)).value().stale_by == answer.stale_by);
    answer.stale_by.clear();
    CHECK(encode_answer(answer).find("stale_by") == std::string::npos);
    CHECK(decode_answer(encode_answer(answer)).value().stale_by.empty());
}

TEST_CASE("what is no question at all is refused", "[codec][query]") {
    for (const std::string& bytes :
         {std::string(), std::string("\xdd\x0f\xff\xff\xff"), std::string("\x80"),
          std::string("\xc0"), std::string(10'000, '\x91'), std::string(10'000, '\x81'),
          std::string(kQueryBytesMax + 1, '\xc0')})
        CHECK(refusal(bytes).code == "bad_query");
    rc::prop("a changed byte does no harm", [] {
        std::string bytes = encode_query({SnapshotQuery{3, "cursor"}, 12345});
        bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<char>();
        (void)decode_query(bytes);
        (void)decode_answer(bytes);
    });
}

TEST_CASE("answers of every kind are read as they were written", "[codec][query]") {
    GetAnswer get;
    get.users.push_back({"a", Known::online, 1, 2, "away", 3});
    get.users.push_back({"b", Known::unknown, {}, 0, {}, {}, "edge:gw-1", 9});
    const auto users = reread_answer(get).users;
    REQUIRE(users.size() == 2);
    CHECK(users[0].status == "away");
    CHECK(users[0].since_ms == 1);
    CHECK(users[0].last_seen_ms == 3);
    CHECK(users[0].sessions == 2);
    CHECK(users[1].state == Known::unknown);
    CHECK_FALSE(users[1].since_ms.has_value());
    CHECK_FALSE(users[0].held_by);
    CHECK_FALSE(users[0].held_until_ms);
    CHECK(users[1].held_by == "edge:gw-1");
    CHECK(users[1].held_until_ms == 9);

    CHECK(reread_answer(CountAnswer{3, 4}).sessions == 4);
    CHECK(reread_answer(ListAnswer{{"a"}, ""}).users.at(0) == "a");
    CHECK(reread_answer(ListAnswer{{}, "c"}).cursor == "c");

    MapAnswer map{4, {{"t1", "tcp://e:1", "tcp://q:1", {0, 1023}}}};
    CHECK(reread_answer(map).trackers.at(0).slots == std::vector<Slot>{0, 1023});
    CHECK(reread_answer(map).trackers.at(0).query == "tcp://q:1");

    StatusAnswer status{"t1",
                        5,
                        "0.1",
                        {{"online", 3}, {"debt", -1}},
                        {{"c1", 6, "live", -1, "", "10.0.0.6"}, {"c2", 6, "expected", -1}},
                        {{"edge:gw-1", "silent", 7, 8, 9}, {"disk", "failing", 7, 0, 9, "full"}}};
    CHECK(reread_answer(status).numbers == status.numbers);
    CHECK(reread_answer(status).collectors.at(0).lag_ms == -1);
    CHECK(reread_answer(status).collectors.at(0).address == "10.0.0.6");
    CHECK(reread_answer(status).collectors.at(1).address.empty());
    const auto holds = reread_answer(status).holds;
    REQUIRE(holds.size() == 2);
    CHECK(holds[0].what == "edge:gw-1");
    CHECK(holds[0].why == "silent");
    CHECK(holds[0].since_ms == 7);
    CHECK(holds[0].until_ms == 8);
    CHECK(holds[0].sessions == 9);
    CHECK(holds[0].error.empty());
    CHECK(holds[1].error == "full");

    SnapshotAnswer snapshot{7, 8, 9, 10, 11, 12, {{"a", 1, 2, 3, "s"}, {"b", 1, 2, 3, {}}}, "next"};
    const auto page = reread_answer(snapshot);
    CHECK(page.slot == 7);
    CHECK(page.covers_ms == 12);
    CHECK(page.users.at(0).status == "s");
    CHECK(page.users.at(1).ttl_ms == 3);
    CHECK(page.cursor == "next");
    snapshot.epoch = kEpochEnd - 1024;  // leaves none for the next owner
    CHECK_FALSE(decode_answer(encode_answer({snapshot, {}})).has_value());

    const std::string row("\x96\x00", 2);
    const auto replay = reread_answer(ReplayAnswer{13, 14, {row, "x"}});
    CHECK(replay.boot == 13);
    CHECK(replay.batch == 14);
    CHECK(replay.rows == std::vector<std::string>{row, "x"});
    CHECK(reread_answer(ReplayAnswer{13, 14, {}}).rows.empty());

    CHECK(reread_answer(QueryError{"moved", "m", "tcp://x:1", {}}).endpoint == "tcp://x:1");
}
