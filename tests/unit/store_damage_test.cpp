// A store whose files were changed by something else: never a wrong body, never an abort, and what
// is gone is told.
#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "common/io/temporary_directory.hpp"
#include "common/store/sqlite.hpp"
#include "common/store/store.hpp"
#include "tests/support/store_model.hpp"
#include "tests/support/test_disk.hpp"

using namespace presence;
using io::Store;
using io::StoreError;
using io::TemporaryDirectory;
using test::StoreModel;
using test::TestDisk;

namespace {

const std::string kOwner = "tracker t1 of main";

// Rows 1..n of runs 1.., states 0..9 that lag behind; left as by kill -9, so part of it is in the
// WAL.
StoreModel fill(const std::filesystem::path& directory, std::mt19937_64& random) {
    TestDisk disk;
    Store::Options options{directory, kOwner};
    options.vfs = disk.name();
    StoreModel model;
    auto store = std::make_unique<Store>(options);
    const auto rows = 40 + random() % 100;
    for (std::uint64_t n = 1; n <= rows; ++n) {
        // Now and then all that is in the WAL moves into the database.
        if (random() % 40 == 0) store = nullptr, store = std::make_unique<Store>(options);
        Store::Write write{{{n, 1 + n / 30, std::string(random() % 3000, 'r')}}, {}, {}};
        for (auto& byte : write.rows[0].body)
            byte = static_cast<char>(random());
        write.states.push_back(
            {static_cast<std::uint32_t>(n % 10), n, "state" + std::to_string(n)});
        if (n == 5) write.facts = "facts";
        store->write(write, 1000);
        model.apply(write);
    }
    if (random() % 3 > 0) disk.kill_after(0);
    return model;
}

std::filesystem::path file_to_damage(const std::filesystem::path& directory,
                                     std::mt19937_64& random) {
    const auto wal = directory / "journal.sqlite-wal";
    return random() % 2 == 0 && std::filesystem::exists(wal) ? wal : directory / "journal.sqlite";
}

void flip_bits(const std::filesystem::path& path, std::mt19937_64& random) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = std::filesystem::file_size(path);
    for (auto flips = 1 + random() % 3; flips > 0 && size > 0; --flips) {
        // Half of them where the structure is: in the beginnings of pages.
        const auto page = random() % (size / 16384 + 1) * 16384;
        const auto at = static_cast<std::streamoff>(
            random() % 2 == 0 ? random() % size : std::min(page + random() % 120, size - 1));
        char byte = 0;
        file.seekg(at).get(byte);
        file.seekp(at).put(static_cast<char>(byte ^ (1 << random() % 8)));
    }
}

std::size_t set_aside(const std::filesystem::path& directory) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        if (entry.path().filename().string().find(".damaged-") != std::string::npos &&
            !entry.path().string().ends_with("-wal"))
            ++count;
    return count;
}

void require_usable(Store& store) {
    const auto next = store.last() + 1;
    store.write({{{next, 99, "new"}}, {{0, next, "new"}}, "new"}, 1000);
    REQUIRE(store.boot_of(next) == 99);
}

// Opens what was damaged; whatever is handed out must be as it was written.
void require_honest(const Store::Options& options, const StoreModel& model) {
    Store store(options);
    const bool told = store.opened().cut.has_value();
    REQUIRE(store.last() <= model.last());
    if (!told) REQUIRE(store.last() == model.last());
    std::uint64_t read_up_to = 0;
    try {
        store.each_row(0, [&](std::uint64_t number, std::uint64_t boot, std::string_view body) {
            REQUIRE(model.rows.at(number) == std::pair(boot, std::string(body)));
            read_up_to = number;
            return true;
        });
        REQUIRE(read_up_to == (store.first() == 0 ? 0 : store.last()));
    } catch (const StoreError& error) {
        // History that no state needs is checked when it is read.
        REQUIRE(std::string(error.what()).find("damaged") != std::string::npos);
        REQUIRE(read_up_to < model.needed());
        if (!told) REQUIRE_NOTHROW(store.each_row(model.needed(), [](auto...) { return true; }));
    }
    std::size_t states = 0;
    store.each_state([&](std::uint32_t key, std::uint64_t number, std::string_view body) {
        // Each was written with the number of its row in its body.
        const auto of = std::stoull(std::string(body.substr(5)));
        REQUIRE(body == "state" + std::to_string(of));
        REQUIRE(of % 10 == key);
        REQUIRE((of == number || (told && of > number && number == store.last())));
        if (!told) REQUIRE(of == model.states.at(key).first);
        ++states;
    });
    if (!told) REQUIRE(states == model.states.size());
    if (!told) REQUIRE(store.facts() == model.facts);
    if (states == 0) REQUIRE(set_aside(options.directory) <= 1);
    if (store.opened().cut.value_or("").find("it ends with row") != std::string::npos)
        REQUIRE(store.opened().last_boot == 0);
}

// And it goes on: at once, or, where a write finds what opening did not look at, after a restart.
void require_goes_on(const Store::Options& options) {
    try {
        Store store(options);
        require_usable(store);
    } catch (const StoreError& error) {
        const std::string text = error.what();
        CAPTURE(text);
        REQUIRE(text.ends_with("; at the next start it will be moved aside"));
        Store store(options);
        REQUIRE(store.opened().cut);
        require_usable(store);
    }
}

void try_flipped_bits(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const TemporaryDirectory directory;
    const auto model = fill(directory.path, random);
    flip_bits(file_to_damage(directory.path, random), random);
    const Store::Options options{directory.path, kOwner};
    require_honest(options, model);
    require_goes_on(options);
    const Store again(options);
    REQUIRE(again.opened().cut.value_or("") == "");  // told once
    REQUIRE(again.opened().last_boot == 99);
}

}  // namespace

TEST_CASE("of a store with bits flipped, what is handed out is right and what is gone is told",
          "[store][damage]") {
    rc::prop("whatever the seed", try_flipped_bits);
}

TEST_CASE("a row that a damaged page takes to where nobody looks is not called written",
          "[store][damage]") {
    try_flipped_bits(6476972826695);
}

TEST_CASE("of a store with a file cut short, what is handed out is right and what is gone is told",
          "[store][damage]") {
    rc::prop("whatever the seed", [](std::uint64_t seed) {
        std::mt19937_64 random(seed);
        const TemporaryDirectory directory;
        const auto model = fill(directory.path, random);
        const auto path = file_to_damage(directory.path, random);
        const auto size = std::filesystem::file_size(path);
        std::filesystem::resize_file(path, random() % 3 == 0 ? 0 : random() % (size + 1));
        const Store::Options options{directory.path, kOwner};
        require_honest(options, model);
        require_goes_on(options);
    });
}

TEST_CASE("a store whose end is missing says so until a row follows", "[store][damage]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path, kOwner};
    {
        Store store(options);
        for (std::uint64_t n = 1; n <= 3; ++n)
            store.write({{{n, 7, "row"}}, {}, {}}, 1000);
    }
    std::filesystem::copy(directory.path / "journal.sqlite", directory.path / "earlier");
    {
        Store store(options);
        store.write({{{4, 8, "row"}, {5, 8, "row"}}, {}, {}}, 1000);
    }
    std::filesystem::rename(directory.path / "earlier", directory.path / "journal.sqlite");
    {
        const Store store(options);
        CHECK(store.opened().cut ==
              (directory.path / "journal.sqlite").string() +
                  ": its end is missing, rows 4 to 5; it ends with row 3 now");
        CHECK(store.opened().last == 3);
        CHECK(store.opened().last_boot == 0);
    }
    {
        Store store(options);
        CHECK_FALSE(store.opened().cut);
        CHECK(store.opened().last_boot == 0);
        store.write({{{4, 9, "row"}}, {}, {}}, 1000);
    }
    CHECK(Store(options).opened().last_boot == 9);
}

TEST_CASE("states of rows that were cut count as those of the last row left", "[store][damage]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path, kOwner};
    {
        Store store(options);
        for (std::uint64_t n = 1; n <= 9; ++n)
            store.write({{{n, 7, "the body of row " + std::to_string(n)}}, {}, {}}, 1000);
        store.write({{}, {{1, 9, "ahead"}, {2, 4, "behind"}}, {}}, 1000);
    }
    std::ifstream in(directory.path / "journal.sqlite", std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    bytes[bytes.find("the body of row 7") + 5] ^= 1;
    std::ofstream(directory.path / "journal.sqlite", std::ios::binary) << bytes;

    const Store store(options);
    CHECK(store.opened().cut == (directory.path / "journal.sqlite").string() +
                                    ": row 7 is damaged; it ends with row 6 now, 3 were cut");
    CHECK(store.last() == 6);
    CHECK(test::read(store).states ==
          decltype(StoreModel::states){{1, {6, "ahead"}}, {2, {4, "behind"}}});
}

TEST_CASE("a store that is no database is moved aside, and only the latest is kept",
          "[store][damage]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path, kOwner};
    for (int time = 0; time < 2; ++time) {
        std::ofstream(directory.path / "journal.sqlite") << std::string(50'000, 'x');
        const Store store(options);
        REQUIRE(store.opened().cut);
        CHECK(store.opened().cut->find("journal.sqlite was damaged (file is not a database): it is "
                                       "journal.sqlite.damaged-") != std::string::npos);
        CHECK(store.last() == 0);
        CHECK(set_aside(directory.path) == 1);
    }
}

TEST_CASE("a store of a newer format is refused and left alone", "[store][damage]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path, kOwner};
    const auto file = directory.path / "journal.sqlite";
    {
        const auto db = io::sqlite::open(file.string(), {});
        io::sqlite::execute(db.get(), "CREATE TABLE what_nobody_knows(a); PRAGMA user_version=2");
    }
    const auto size = std::filesystem::file_size(file);
    CHECK_THROWS_WITH(Store(options), file.string() +
                                          " has format 2, newer than 1, the newest "
                                          "this program knows");
    CHECK(std::filesystem::file_size(file) == size);
    CHECK(set_aside(directory.path) == 0);
}

TEST_CASE("a store whose file was deleted or replaced writes nothing more", "[store][damage]") {
    const TemporaryDirectory directory;
    const auto file = directory.path / "data" / "journal.sqlite";
    const Store::Options options{file.parent_path(), kOwner};
    const Store::Write first{{{1, 7, "row"}}, {}, {}};
    const auto refuses = [&](Store& store) {
        CHECK_THROWS_MATCHES(store.write({{{2, 7, "row"}}, {}, {}}, 1000), io::StoreMalformed,
                             Catch::Message("cannot write " + file.string() +
                                            ": it was deleted, moved or replaced while it was in "
                                            "use"));
    };
    SECTION("with its directory") {
        Store store(options);
        store.write(first, 1000);
        std::filesystem::remove_all(file.parent_path());
        refuses(store);
    }
    SECTION("by another one") {
        Store store(options);
        store.write(first, 1000);
        std::filesystem::copy_file(file, directory.path / "copy");
        std::filesystem::rename(directory.path / "copy", file);
        refuses(store);
    }
    Store next(options);
    CHECK(next.last() <= 1);
    next.write({{{next.last() + 1, 8, "row"}}, {}, {}}, 1000);
}

TEST_CASE("a store that a write finds malformed is moved aside at the next start",
          "[store][damage]") {
    const TemporaryDirectory directory;
    TestDisk disk;
    Store::Options options{directory.path, kOwner};
    options.vfs = disk.name();
    {
        Store store(options);
        store.write({{{1, 7, "row"}}, {}, {}}, 1000);
        disk.set_failure(SQLITE_CORRUPT);
        CHECK_THROWS_MATCHES(
            store.write({{{2, 7, "row"}}, {}, {}}, 1000), io::StoreMalformed,
            Catch::Message("cannot write " + (directory.path / "journal.sqlite").string() +
                           ": database disk image is malformed; at the next start it will be "
                           "moved aside"));
    }
    disk.restart();
    const Store store(options);
    REQUIRE(store.opened().cut);
    CHECK(store.opened().cut->find("was damaged (a write found it malformed)") !=
          std::string::npos);
    CHECK(store.last() == 0);
    CHECK(set_aside(directory.path) == 1);
}
