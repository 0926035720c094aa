#include <catch2/catch.hpp>

#include "common/io/store.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace presence;
using io::Store;
using io::StoreError;
using test::TemporaryDirectory;

namespace {

using Rows = std::vector<std::pair<std::uint64_t, std::string>>;

Rows rows_of(const Store& store, std::uint64_t after = 0) {
    Rows rows;
    store.each_row(after, [&](std::uint64_t number, std::uint64_t, std::string_view body) {
        rows.emplace_back(number, body);
        return true;
    });
    return rows;
}

}  // namespace

TEST_CASE("a store hands out what was written, also after it was opened again", "[store]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path / "a" / "b", "tracker t1 of main"};
    {
        Store store(options);
        CHECK(store.opened().last == 0);
        CHECK_FALSE(store.opened().cut);
        store.write({{{1, 7, "one"}, {2, 7, ""}}, {{5, 2, "state"}}, "facts"}, 1000);
        CHECK(rows_of(store) == Rows{{1, "one"}, {2, ""}});
    }
    Store store(options);
    CHECK_FALSE(store.opened().cut);
    CHECK(store.opened().first == 1);
    CHECK(store.opened().last == 2);
    CHECK(store.opened().last_boot == 7);
    CHECK(rows_of(store, 1) == Rows{{2, ""}});
    CHECK(store.facts() == "facts");
    store.each_state([](std::uint32_t key, std::uint64_t number, std::string_view body) {
        CHECK(key == 5);
        CHECK(number == 2);
        CHECK(body == "state");
    });
    CHECK(store.boot_of(2) == 7);
    CHECK_FALSE(store.boot_of(3));
    CHECK_THROWS_WITH(Store(options),
                      directory.path.string() + "/a/b is in use by another process");
}
