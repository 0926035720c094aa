#include <catch2/catch.hpp>
#include <set>

#include "notifier/sinks/postgres/dsn.hpp"
#include "notifier/sinks/postgres/history.hpp"
#include "notifier/sinks/postgres/parameters.hpp"
#include "notifier/sinks/postgres/rows.hpp"
#include "notifier/sinks/postgres/sql.hpp"
#include "notifier/sinks/postgres/verdict.hpp"

using namespace presence;
using namespace presence::notifier;
using Catch::Matchers::Contains;
using namespace std::string_literals;

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kNowMs = 1'796'000'000'000;  // 2026-11-30

Event event_of(const std::string& user, std::uint64_t epoch, std::uint64_t seq,
               State state = State::online) {
    Event event;
    event.user = user;
    event.state = state;
    event.reason = "heartbeat";
    event.at_ms = kNowMs;
    event.epoch = epoch;
    event.seq = seq;
    return event;
}

Event notice() {
    Event event;
    event.reason = "gap";
    event.status = "t1";
    return event;
}

std::vector<const Event*> pointers(const std::vector<Event>& events) {
    std::vector<const Event*> out;
    for (const auto& event : events)
        out.push_back(&event);
    return out;
}

std::set<std::int64_t> ms_of(const std::vector<Day>& days) {
    std::set<std::int64_t> out;
    for (const auto day : days)
        out.insert(std::chrono::sys_time<std::chrono::milliseconds>(day).time_since_epoch() / 1ms);
    return out;
}

}  // namespace

TEST_CASE("the event's fault is what its values do, and no more", "[sinks][postgres]") {
    for (const char* state : {"22001", "22021", "22P05", "23502", "23505"})
        CHECK(fault_of(state, "") == Fault::event);
    CHECK(fault_of("23514", "no_poison") == Fault::event);
    for (const char* state : {"08006", "25006", "40001", "40P01", "42501", "42P01", "53100",
                              "53300", "57014", "57P01", "55P03", "XX000", "21000", ""})
        CHECK(fault_of(state, "") == Fault::place);
}

TEST_CASE("a missing partition is the place's fault, though its code is that of a check",
          "[sinks][postgres]") {
    CHECK(fault_of("23514", "") == Fault::place);
    CHECK_THAT(postgres_advice("23514", ""), Contains("partition"));
    CHECK(postgres_advice("23514", "no_poison").empty());
    CHECK_THAT(postgres_advice("25006", ""), Contains("name the primary"));
    CHECK(postgres_advice("XX000", "").empty());
}

TEST_CASE("what Postgres can never hold is known before it is asked", "[sinks][postgres]") {
    CHECK(why_never(event_of("alice", 1, 1)).empty());
    CHECK(why_never(event_of("\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80 'a\"\\", 1, 1)).empty());
    CHECK(why_never(notice()).empty());
    auto event = event_of("alice", 1, 1);
    event.reason = "tab\tand more";
    CHECK(why_never(event).empty());
    event.reason = "a\0b"s;
    CHECK_THAT(why_never(event), Contains("NUL"));
    event.reason = "x";
    event.status = "\xff";
    CHECK_FALSE(why_never(event).empty());
    event.status.reset();
    event.since_ms = std::int64_t{1} << 62;
    CHECK_THAT(why_never(event), Contains("time"));
    CHECK_FALSE(why_never(event_of("alice", 1, std::uint64_t{1} << 63)).empty());
    CHECK_FALSE(why_never(event_of("a\xed\xa0\x80", 1, 1)).empty());
}

TEST_CASE("times are exact, to the ends of what Postgres knows", "[sinks][postgres]") {
    CHECK(postgres_micros(946'684'800'000) == 0);
    CHECK(postgres_micros(0) == -946'684'800'000'000);
    CHECK(postgres_micros(1'700'000'000'123) == 753'315'200'123'000);
    CHECK(postgres_micros(-210'866'803'200'000).has_value());
    CHECK_FALSE(postgres_micros(-210'866'803'200'001).has_value());
    CHECK(postgres_micros(9'224'318'015'999'999).has_value());
    CHECK_FALSE(postgres_micros(9'224'318'016'000'000).has_value());
    CHECK_FALSE(postgres_micros(std::numeric_limits<std::int64_t>::min()).has_value());
}

TEST_CASE("an array is written as Postgres reads it", "[sinks][postgres]") {
    PostgresArray texts(PostgresType::text);
    CHECK(texts.parameter().type == 1009);
    CHECK(texts.parameter().bytes == "\0\0\0\0\0\0\0\0\0\0\0\x19"s);
    texts.add(std::string_view("a{,\""));
    texts.add_null();
    CHECK(texts.parameter().bytes ==
          "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\4a{,\"\xff\xff\xff\xff"s);
    PostgresArray numbers(PostgresType::bigint);
    numbers.add(std::int64_t{-2});
    CHECK(numbers.parameter().bytes ==
          "\0\0\0\1\0\0\0\0\0\0\0\x14\0\0\0\1\0\0\0\1\0\0\0\x8\xff\xff\xff\xff\xff\xff\xff\xfe"s);
    PostgresArray flags(PostgresType::boolean);
    flags.add(true);
    CHECK(flags.parameter().bytes == "\0\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\1\0\0\0\1\0\0\0\1\1"s);
}

TEST_CASE("of a user the newest event alone is for the table, and users are sorted",
          "[sinks][postgres]") {
    const std::vector events{event_of("zoe", 1, 9),
                             event_of("bob", 2, 1, State::offline),
                             notice(),
                             event_of("bob", 1, 7),
                             event_of("Zoe", 1, 1),
                             event_of("bob", 2, 1, State::online)};
    const auto rows = rows_of(pointers(events));
    std::vector<std::string> told;
    for (const auto& row : rows)
        told.push_back(row.event->user + std::to_string(row.event->seq) + (row.newest ? "!" : ""));
    CHECK(told == std::vector<std::string>{"0", "Zoe1!", "bob7", "bob1", "bob1!", "zoe9!"});
    CHECK(rows[4].event->state == State::online);  // of two equal ones the later
    CHECK(parameters_of(rows, false).size() == 11);
    CHECK(parameters_of(rows, true).size() == 13);
}

TEST_CASE("names stand in quotes wherever they stand", "[sinks][postgres]") {
    PostgresConfig config;
    config.table = "app.user";
    config.history = "app.order";
    const PostgresSql sql(config);
    CHECK(sql.table == "\"app\".\"user\"");
    CHECK(sql.marks == "\"app\".\"user_sinks\"");
    for (const auto& text : {sql.create_table(), sql.create_view(), sql.write(), sql.page(3)})
        CHECK_THAT(text, Contains("\"app\".\"user\""));
    CHECK_THAT(sql.write(), Contains("INSERT INTO \"app\".\"order\""));
    const auto day = day_of(kNowMs);
    CHECK_THAT(create_partition(sql, day),
               Contains("\"app\".\"order_20261130\" FOR VALUES FROM ('2026-11-30 00:00:00+00') TO "
                        "('2026-12-01 00:00:00+00')"));
    CHECK(drop_partition(sql, day) == "DROP TABLE IF EXISTS \"app\".\"order_20261130\"");
    config.history.clear();
    CHECK_THAT(PostgresSql(config).write(), !Contains("$17"));
}

TEST_CASE("a history keeps its days, and takes none that some wrong clock tells",
          "[sinks][postgres]") {
    HistoryDays days(30 * 24h);
    days.found("h_20261030", "h");  // the 31st day back
    days.found("h_20261031", "h");
    days.found("h_20261131", "h");  // no day
    days.found("h_2026", "h");
    days.found("other_20200101", "h");
    days.found("h_2020010x", "h");
    CHECK(ms_of(days.outdated(kNowMs)) == std::set{(kNowMs / kDayMs - 31) * kDayMs});
    CHECK(days.has(day_of(kNowMs - 31 * kDayMs)));
    CHECK(days.takes(kNowMs, kNowMs));
    CHECK(days.takes(kNowMs - 30 * kDayMs, kNowMs));
    CHECK(days.takes(kNowMs - 31 * kDayMs, kNowMs));  // there it is still
    days.dropped(day_of(kNowMs - 31 * kDayMs));
    CHECK_FALSE(days.takes(kNowMs - 31 * kDayMs, kNowMs));
    CHECK(days.outdated(kNowMs).empty());
    CHECK(days.takes(kNowMs + 7 * kDayMs, kNowMs));
    CHECK_FALSE(days.takes(kNowMs + 8 * kDayMs, kNowMs));
    HistoryDays all(0s);
    all.found("h_20000101", "h");
    CHECK(all.outdated(kNowMs).empty());
    CHECK(all.takes(kNowMs - 3650 * kDayMs, kNowMs));
    CHECK_FALSE(all.takes(0, kNowMs));
    CHECK(day_of(-1) == day_of(-kDayMs));
}

TEST_CASE("each server of a dsn is asked by itself", "[sinks][postgres]") {
    const auto told = [](const std::string& hosts, const std::string& addresses,
                         const std::string& ports) {
        std::string out;
        for (const auto& server : servers_of(hosts, addresses, ports))
            out += server.host + "|" + server.address + "|" + server.port +
                   (server.needs_look_up() ? "?" : "") + " ";
        return out;
    };
    CHECK(told("", "", "") == "|| ");
    CHECK(told("a,b", "", "1") == "a||1? b||1? ");
    CHECK(told("a,/run/x", "", "1,2") == "a||1? /run/x||2 ");
    CHECK(told("10.0.0.1,::1,@x", "", "") == "10.0.0.1|| ::1|| @x|| ");
    CHECK(told("a", "10.0.0.1", "5432") == "a|10.0.0.1|5432 ");
    CHECK(told("", "10.0.0.1,10.0.0.2", "5") == "|10.0.0.1|5 |10.0.0.2|5 ");
}
