// What a store is on disk, spelled out: whoever changes it must give it a new number, and migrate.
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "common/io/temporary_directory.hpp"
#include "common/store/sqlite.hpp"
#include "common/store/store.hpp"

using namespace presence;
using io::Store;
using io::TemporaryDirectory;

namespace {

const std::string kOwner = "tracker t1 of main";

// Two rows, a state of the first of them, and facts, as format 1 has them.
constexpr const char* kFormat1 =
    "PRAGMA page_size=16384; PRAGMA application_id=1886545267;"
    "CREATE TABLE about(id INTEGER PRIMARY KEY, format INTEGER, cut_at INTEGER, parts INTEGER,"
    " sum INTEGER, owner BLOB);"
    "CREATE TABLE journal(number INTEGER PRIMARY KEY, boot INTEGER, written_ms INTEGER,"
    " total INTEGER, sum INTEGER, body BLOB);"
    "CREATE TABLE state(key INTEGER PRIMARY KEY, number INTEGER, body_sum INTEGER, sum INTEGER);"
    "CREATE TABLE state_body(key INTEGER PRIMARY KEY, body BLOB);"
    "CREATE TABLE facts(id INTEGER PRIMARY KEY, sum INTEGER, body BLOB);"
    "INSERT INTO journal VALUES(1,7,1000,5,-2005374652688896253,CAST('first' AS BLOB));"
    "INSERT INTO journal VALUES(2,8,2000,11,-1899852950577550571,CAST('second' AS BLOB));"
    "INSERT INTO state VALUES(3,1,2400152177471559833,-3398315951229391238);"
    "INSERT INTO state_body VALUES(3,CAST('state' AS BLOB));"
    "INSERT INTO facts VALUES(1,-5947271638852274560,CAST('facts' AS BLOB));";

// Makes a store of these tables that says of itself what `about` says.
void make(const std::filesystem::path& directory, const std::string& about) {
    const auto db = io::sqlite::open((directory / "journal.sqlite").string(), {});
    io::sqlite::execute(db.get(), kFormat1);
    io::sqlite::execute(db.get(), about.c_str());
}

}  // namespace

TEST_CASE("a store that was written with format 1 is read, and goes on", "[store][format]") {
    const TemporaryDirectory directory;
    make(
        directory.path,
        "PRAGMA user_version=1;"
        "INSERT INTO about VALUES(1,1,0,2,2595450521334147603,CAST('tracker t1 of main' AS BLOB))");
    Store store({directory.path, kOwner});
    CHECK_FALSE(store.opened().cut);
    CHECK(store.opened().first == 1);
    CHECK(store.opened().last == 2);
    CHECK(store.opened().last_boot == 8);
    CHECK(store.facts() == "facts");
    std::vector<std::string> read;
    store.each_state([&](std::uint32_t key, std::uint64_t number, std::string_view body) {
        read.push_back(std::to_string(key) + " at " + std::to_string(number) + ": " +
                       std::string(body));
    });
    store.each_row(0, [&](std::uint64_t number, std::uint64_t boot, std::string_view body) {
        read.push_back(std::to_string(number) + " of " + std::to_string(boot) + ": " +
                       std::string(body));
        return true;
    });
    CHECK(read == std::vector<std::string>{"3 at 1: state", "1 of 7: first", "2 of 8: second"});
    store.write({{{3, 8, "third"}}, {}, {}}, 3000);
    CHECK(store.last() == 3);
}

TEST_CASE("a store of a format that nobody can migrate is refused and left alone",
          "[store][format]") {
    const TemporaryDirectory directory;
    make(directory.path,
         "INSERT INTO about VALUES(1,0,0,2,-6898836137551874697,CAST('tracker t1 of main' AS "
         "BLOB))");
    const auto file = directory.path / "journal.sqlite";
    for (int n = 0; n < 2; ++n)
        CHECK_THROWS_WITH(Store({directory.path, kOwner}),
                          file.string() + " has format 0, which this program cannot migrate");
}
