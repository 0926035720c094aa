#include <catch2/catch.hpp>

#include "common/config/postgres_names.hpp"
#include "common/config/read.hpp"

using namespace presence;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// Of a sink whose type is in line 2 and whose other lines are these.
std::string complaint(const std::string& lines) {
    try {
        ConfigOrigin origin{"f", {}};
        Config config =
            read_config(parse_toml("[[sink]]\ntype = \"postgres\"\n" + lines, "f"), origin);
        complete_config(config, origin);
        check_config(config, origin);
    } catch (const ConfigError& e) {
        return e.what();
    }
    return "accepted";
}

const std::string kDsn = "dsn = \"postgresql:///app\"\n";

}  // namespace

TEST_CASE("a postgres sink needs a dsn, in one of libpq's two forms", "[config][postgres]") {
    CHECK(complaint(kDsn) == "accepted");
    CHECK(complaint(kDsn + "password_file = \"p\"\ntimeout = \"2s\"\ncreate = false\n") ==
          "accepted");
    CHECK_THAT(complaint(""), StartsWith("f:1: the sink `postgres` needs a `dsn`"));
    CHECK(complaint("dsn = \"host=/run/postgresql dbname=app\"\n") == "accepted");
    CHECK_THAT(complaint("dsn = \"app\"\n"), StartsWith("f:3: `dsn` is postgresql://"));
    CHECK_THAT(complaint(kDsn + "url = \"redis://h\"\n"), StartsWith("f:4: `url` is for a sink"));
}

TEST_CASE("a password in a dsn is refused, and not told", "[config][postgres]") {
    for (const char* dsn :
         {"postgresql://u:MfKQ9@h/app", "postgres://:MfKQ9@h", "postgresql://h/app?password=MfKQ9",
          "host=h password=MfKQ9", "host=h password = 'MfKQ9'", "host=h sslpassword=MfKQ9"})
        CHECK_THAT(complaint("dsn = \"" + std::string(dsn) + "\"\n"),
                   StartsWith("f:3: `dsn`: a password") && !Contains("MfKQ9"));
    CHECK_THAT(complaint(kDsn + "password = \"MfKQ9\"\n"),
               StartsWith("f:4: a password here") && !Contains("MfKQ9"));
    for (const char* dsn : {"postgresql://u@h:5432/app", "postgresql://h:1,i:2/app",
                            "postgresql:///app?host=/run/x:y@z", "dbname=passwords passfile=/x"})
        CHECK_FALSE(holds_password(dsn));
}

TEST_CASE("a table is named as Postgres takes it without quotes", "[config][postgres]") {
    TableName name;
    CHECK(parse_table_name("presence", name).empty());
    CHECK((name.schema.empty() && name.name == "presence"));
    CHECK(parse_table_name("app._p2", name).empty());
    CHECK((name.schema == "app" && name.name == "_p2"));
    CHECK(parse_table_name(std::string(TableName::kBytesMax, 'a'), name).empty());
    for (const std::string text :
         {"", ".", "a.", ".a", "a.b.c", "Presence", "2p", "a b", "a\"b", "a;b", "\xc3\xa9", "a-b"})
        CHECK_FALSE(parse_table_name(text, name).empty());
    CHECK_FALSE(parse_table_name(std::string(TableName::kBytesMax + 1, 'a'), name).empty());
    CHECK_THAT(complaint(kDsn + "table = \"a b\"\n"), StartsWith("f:4: `table` = `a b`: a table"));
    CHECK_THAT(complaint(kDsn + "history = \"H\"\n"), StartsWith("f:4: `history` = `H`: a table"));
    for (const char* same : {"presence", "presence_sinks", "presence_now"})
        CHECK_THAT(complaint(kDsn + "history = \"" + std::string(same) + "\"\n"),
                   Contains("give it another name"));
}
