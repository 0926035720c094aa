#include "common/store/store.hpp"

#include <rapidcheck/catch.h>
#include <sqlite3.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>

#include "common/io/private_files.hpp"
#include "common/io/temporary_directory.hpp"
#include "common/store/sqlite.hpp"
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

// Writes as a tracker makes them: some rows, now and then a state of rows that are there.
class Writer {
public:
    explicit Writer(std::uint64_t seed) : random(seed) {}

    Store::Write next(const StoreModel& model, std::uint64_t first) {
        Store::Write write;
        auto last = model.last();
        for (auto n = below(4); n > 0; --n)
            write.rows.push_back({++last, 1 + last / 20, bytes(below(30) == 0 ? 60'000 : 300)});
        for (auto n = below(3); n > 0 && last > 0; --n) {
            const auto key = static_cast<std::uint32_t>(2 * below(3) + n % 2);
            const auto at = model.states.find(key);
            const bool known = at != model.states.end();
            const auto before = known ? at->second.first : first == 0 ? 0 : first - 1;
            Store::State state{key, before + below(last - before + 1), bytes(2000)};
            if (known && below(3) == 0) state.body.reset();
            write.states.push_back(std::move(state));
        }
        if (below(5) == 0) write.facts = bytes(100);
        return write;
    }
    std::uint64_t below(std::uint64_t limit) { return random() % limit; }
    std::string bytes(std::uint64_t max) {
        std::string out(below(max), '\0');
        for (auto& byte : out)
            byte = static_cast<char>(random());
        return out;
    }

    std::mt19937_64 random;
};

// A store on a disk that fails when it is told to, and what the store has to hold.
struct Trial {
    explicit Trial(std::uint64_t seed) : writer(seed) { options.vfs = disk.name(); }

    void open() {
        store.reset();
        store = std::make_unique<Store>(options);
    }
    [[nodiscard]] Store::Write next() { return writer.next(model, store->first()); }
    // Both hold it, or neither, if it throws.
    void write() {
        const auto write = next();
        store->write(write, 1000);
        model.apply(write);
    }
    [[nodiscard]] bool undamaged() const { return store->opened().cut.value_or("").empty(); }
    // But for rows that the store had no need of.
    [[nodiscard]] bool holds(const StoreModel& what) const {
        return test::read(*store) == test::from_first(what, *store);
    }

    const TemporaryDirectory directory;
    TestDisk disk;
    Writer writer;
    StoreModel model;
    Store::Options options{directory.path, kOwner};
    std::unique_ptr<Store> store;
};

}  // namespace

TEST_CASE("a store says what it was opened with", "[store]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path / "a" / "b", kOwner};
    {
        Store store(options);
        CHECK(store.opened().last == 0);
        CHECK(store.facts().empty());
        store.write({{{1, 7, "one"}, {2, 7, ""}}, {{5, 2, "state"}}, "facts"}, 1000);
    }
    Store store(options);
    CHECK_FALSE(store.opened().cut);
    CHECK(store.opened().first == 1);
    CHECK(store.opened().last == 2);
    CHECK(store.opened().last_boot == 7);
    CHECK(store.boot_of(2) == 7);
    CHECK_FALSE(store.boot_of(3));
    CHECK(store.bytes() == 3);
    CHECK(store.facts() == "facts");
}

TEST_CASE("a store's rows are read from where one likes, for as long as one likes", "[store]") {
    const TemporaryDirectory directory;
    Store store({directory.path, kOwner});
    for (std::uint64_t n = 1; n <= 10; ++n)
        store.write({{{n, 1, std::to_string(n)}}, {}, {}}, 1000);
    std::string read;
    store.each_row(7, [&](std::uint64_t, std::uint64_t, std::string_view body) {
        read += body;
        return body != "9";
    });
    CHECK(read == "89");
    store.each_row(10, [](auto...) -> bool { throw std::logic_error("no row follows"); });
    store.each_row(11, [](auto...) -> bool { throw std::logic_error("no row follows"); });
}

TEST_CASE("a store holds what a map holds, over restarts and kills at any call", "[store]") {
    rc::prop("whatever the seed", [](std::uint64_t seed) {
        Trial trial(seed);
        Writer& writer = trial.writer;
        if (writer.below(2) == 0) trial.options.durability = Store::Durability::power;
        if (writer.below(2) == 0) trial.options.retain_bytes = 5000;
        for (int run = 0; run < 8; ++run) {
            trial.open();
            REQUIRE(trial.undamaged());
            REQUIRE(trial.store->last() == trial.model.last());
            REQUIRE(trial.holds(trial.model));
            if (writer.below(3) > 0) trial.disk.kill_after(1 + writer.below(60));
            for (auto writes = writer.below(30); writes > 0; --writes) {
                const auto write = trial.next();
                auto after = trial.model;
                after.apply(write);
                try {
                    trial.store->write(write, 1000);
                } catch (const StoreError&) {
                    trial.store.reset();
                    trial.disk.restart();
                    trial.open();
                    // All of the write, or nothing.
                    if (trial.holds(trial.model)) continue;
                    REQUIRE(trial.holds(after));
                }
                trial.model = after;
            }
            if (writer.below(2) == 0) trial.disk.kill_after(0);  // also while it is closed
            trial.store.reset();
            trial.disk.restart();
        }
    });
}

TEST_CASE("with durability power, what was written survives the loss of power", "[store]") {
    rc::prop("whatever the seed", [](std::uint64_t seed) {
        Trial trial(seed);
        Writer& writer = trial.writer;
        trial.options.durability = Store::Durability::power;
        for (int run = 0; run < 6; ++run) {
            trial.open();
            REQUIRE(trial.undamaged());
            trial.disk.kill_after(1 + writer.below(200));
            StoreModel after = trial.model;
            try {
                for (auto writes = writer.below(30); writes > 0; --writes) {
                    const auto write = trial.next();
                    after.apply(write);
                    trial.store->write(write, 1000);
                    trial.model = after;
                }
            } catch (const StoreError&) {
            }
            trial.disk.kill_after(0);
            trial.store.reset();
            trial.disk.restart_without_power(writer.below(2) == 0, writer.random);
            trial.open();
            REQUIRE(trial.undamaged());
            const auto held = test::read(*trial.store);
            if (held != trial.model) REQUIRE(held == after);
            trial.model = held;
        }
    });
}

TEST_CASE("with durability process, the loss of power leaves a store that says what it lost",
          "[store]") {
    rc::prop("whatever the seed", [](std::uint64_t seed) {
        Trial trial(seed);
        Writer& writer = trial.writer;
        trial.open();
        for (auto writes = 1 + writer.below(100); writes > 0; --writes)
            trial.write();
        trial.disk.kill_after(0);
        trial.store.reset();
        trial.disk.restart_without_power(writer.below(2) == 0, writer.random);
        // As at the next start of the machine: the file beside it is of another run.
        std::filesystem::remove(trial.directory.path / "written");
        trial.open();
        const auto& model = trial.model;
        REQUIRE(trial.store->last() <= model.last());
        trial.store->each_row(0, [&](std::uint64_t number, std::uint64_t boot, auto body) {
            REQUIRE(model.rows.at(number) == std::pair(boot, std::string(body)));
            return true;
        });
    });
}

TEST_CASE("a store drops old rows, but none that a state needs", "[store]") {
    const TemporaryDirectory directory;
    Store::Options options{directory.path, kOwner};
    options.retain_bytes = 1000;
    Store store(options);
    std::uint64_t last = 0;
    const auto add = [&](int rows, std::int64_t at) {
        for (int i = 0; i < rows; ++i)
            store.write({{{++last, 1, std::string(100, 'x')}}, {}, {}}, at);
    };
    add(50, 1000);
    CHECK(store.first() == 1);  // there is no state
    store.write({{}, {{1, 50, "a"}, {2, 20, "b"}}, {}}, 1000);
    add(10, 1000);
    CHECK(store.first() == 21);
    store.write({{}, {{2, 60, std::nullopt}}, {}}, 1000);
    add(30, 1000);
    CHECK(store.first() == 51);  // of the state that is behind now
    store.write({{}, {{1, 90, "a"}, {2, 90, std::nullopt}}, {}}, 1000);
    add(30, 1000);
    CHECK(store.last() - store.first() == 29);
    CHECK(store.bytes() == 3000);
    store.write({{}, {{1, last, "a"}, {2, last, std::nullopt}}, {}}, 1000);
    add(5, 1000);
    add(5, 1000);
    CHECK(store.bytes() == 1000);
    store.write({{}, {{1, last, "a"}, {2, last, std::nullopt}}, {}}, 1000 + 25 * 3'600'000);
    add(1, 1000 + 25 * 3'600'000);
    CHECK(store.first() == last);
}

TEST_CASE("rows age by a clock that only runs, over openings", "[store]") {
    constexpr std::int64_t kHour = 3'600'000;
    const TemporaryDirectory directory;
    const Store::Options options{directory.path, kOwner};
    std::uint64_t last = 0;
    const auto write = [&](Store& store, std::int64_t at) {
        ++last;
        store.write({{{last, 1, "x"}}, {{1, last, "a"}}, {}}, at);
    };
    {
        Store store(options);
        write(store, 5 * kHour);
        write(store, 6 * kHour);
    }
    // A machine whose clock has another origin: days ahead, or behind.
    const std::int64_t origin = GENERATE(-3'000, 0, 3'000) * kHour;
    Store store(options);
    write(store, origin);
    write(store, origin + 22 * kHour);
    CHECK(store.first() == 1);
    write(store, origin + 24 * kHour);
    CHECK(store.first() == 2);
    write(store, origin + 24 * kHour + 1);
    CHECK(store.first() == 4);
}

TEST_CASE("where the clock on the wall had dated the rows, none is too old at once", "[store]") {
    constexpr std::int64_t kDay = 24 * 3'600'000;
    const TemporaryDirectory directory;
    const Store::Options options{directory.path, kOwner};
    {
        Store store(options);
        store.write({{{1, 1, "x"}}, {}, {}}, 0);
        store.write({{{2, 1, "x"}}, {}, {}}, 3 * kDay);  // it jumped
    }
    Store store(options);
    store.write({{{3, 1, "x"}}, {{1, 3, "a"}}, {}}, 5);
    CHECK(store.first() == 1);
    store.write({{{4, 1, "x"}}, {{1, 4, "a"}}, {}}, 6);
    CHECK(store.first() == 2);
}

TEST_CASE("a store is refused where it is not one's own", "[store]") {
    const TemporaryDirectory directory;
    Store::Options options{directory.path, kOwner};
    options.patience = 50ms;
    {
        const Store store(options);
        CHECK_THROWS_WITH(Store(options),
                          directory.path.string() + " is in use by another process");
    }
    auto other = options;
    other.owner = "tracker t2 of main";
    CHECK_THROWS_WITH(
        Store(other),
        directory.path.string() + " belongs to tracker t1 of main, not to tracker t2 of main");
    CHECK_NOTHROW(Store(options));
    std::ofstream(directory.path / "file");
    auto below_a_file = options;
    below_a_file.directory = directory.path / "file" / "store";
    CHECK_THROWS_WITH(Store(below_a_file),
                      "cannot make " + below_a_file.directory.string() + ": Not a directory");
}

TEST_CASE("a store that another process has locked is waited for", "[store]") {
    const TemporaryDirectory directory;
    Store::Options options{directory.path, kOwner};
    { const Store made(options); }
    auto other = io::sqlite::open((directory.path / "journal.sqlite").string(), {});
    const auto lock_it = [&] { io::sqlite::execute(other.get(), "BEGIN IMMEDIATE"); };
    lock_it();
    options.patience = 50ms;
    CHECK_THROWS_WITH(Store(options), Catch::Matchers::Contains("database is locked"));
    options.patience = 1min;
    auto opened = std::async(std::launch::async, [&] { return Store(options).last(); });
    io::sqlite::execute(other.get(), "ROLLBACK");
    other.reset();
    CHECK(opened.get() == 0);
}

TEST_CASE("what a store keeps is for its user alone, what an earlier version kept too", "[store]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path / "data" / "t1", kOwner};
    const auto modes = [&] {
        std::map<std::string, std::string> found;
        for (const auto& entry : std::filesystem::directory_iterator(options.directory))
            found[entry.path().filename()] = io::mode_of(entry.path());
        return found;
    };
    const std::map<std::string, std::string> expected{{"journal.sqlite", "0600"},
                                                      {"journal.sqlite-wal", "0600"},
                                                      {"lock", "0600"},
                                                      {"written", "0600"}};
    {
        Store store(options);
        store.write({{{1, 1, "row"}}, {}, {}}, 0);
        CHECK(modes() == expected);
        CHECK(io::mode_of(directory.path / "data") == "0700");
        CHECK(io::mode_of(options.directory) == "0700");
    }
    for (const auto& [name, mode] : modes())
        std::filesystem::permissions(options.directory / name, std::filesystem::perms{0644});
    const Store store(options);
    for (const auto& [name, mode] : modes())
        CHECK((name + mode) == (name + "0600"));
}

// ---- A disk that is full, or may not be written

TEST_CASE("a write that the disk has no room for throws, and the store works again afterwards",
          "[store][full]") {
    rc::prop("whatever the seed", [](std::uint64_t seed) {
        Trial trial(seed);
        Writer& writer = trial.writer;
        const auto file = trial.directory.path / "journal.sqlite";
        trial.open();
        int failed = 0;
        for (int writes = 0; writes < 60; ++writes) {
            trial.disk.set_full(writer.below(2) == 0);
            trial.disk.set_failure(writer.below(4) == 0 ? SQLITE_IOERR_WRITE : 0);
            try {
                trial.write();
            } catch (const StoreError& error) {
                REQUIRE(std::string(error.what()).starts_with("cannot write " + file.string()));
                ++failed;
            }
            REQUIRE(trial.holds(trial.model));
        }
        trial.disk.restart();
        REQUIRE(failed > 0);
        trial.write();
        trial.store.reset();
        trial.open();
        REQUIRE(trial.undamaged());
        REQUIRE(trial.holds(trial.model));
    });
}

TEST_CASE("on a small disk that is full, the store waits for room", "[store][full]") {
    const TemporaryDirectory directory;
    const auto mount_point = directory.path.string();
    if (::mount("presence-test", mount_point.c_str(), "tmpfs", 0, "size=1m") != 0) {
        WARN("skipped: no tmpfs may be mounted here");
        return;
    }
    {
        Store store({directory.path / "store", kOwner});
        std::uint64_t last = 0;
        const auto add = [&] {
            store.write({{{last + 1, 1, std::string(20'000, 'x')}}, {}, {}}, 1000);
            ++last;
        };
        std::ofstream(directory.path / "another's") << std::string(300'000, 'x');
        CHECK_THROWS_WITH(
            [&] {
                for (int i = 0; i < 100; ++i)
                    add();
            }(),
            "cannot write " + mount_point +
                "/store/journal.sqlite: disk full (No space left on device)");
        CHECK(last > 5);
        CHECK_THROWS_AS(add(), StoreError);
        std::filesystem::remove(directory.path / "another's");
        CHECK_NOTHROW(add());
        CHECK(test::read(store).last() == last);
    }
    CHECK(::umount2(mount_point.c_str(), MNT_DETACH) == 0);
}

TEST_CASE("a store that may not be written is refused in one line", "[store][full]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path, kOwner};
    { const Store store(options); }
    // Root may write everything, so it is somebody else for a moment.
    const auto as_nobody = [](const auto& act) {
        if (::geteuid() == 0) ::setfsuid(65534);
        act();
        if (::geteuid() == 0) ::setfsuid(0);
    };
    std::filesystem::permissions(directory.path, std::filesystem::perms{0555});
    std::filesystem::permissions(directory.path / "lock", std::filesystem::perms{0444});
    as_nobody([&] {
        CHECK_THROWS_WITH(Store(options),
                          "cannot write " + directory.path.string() + "/lock: Permission denied");
        auto below = options;
        below.directory /= "below";
        CHECK_THROWS_WITH(Store(below),
                          "cannot make " + below.directory.string() + ": Permission denied");
    });
    std::filesystem::permissions(directory.path, std::filesystem::perms{0755});
}
