#include "tracker/disk/journal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>

#include "common/io/temporary_directory.hpp"
#include "tests/support/store_model.hpp"
#include "tests/support/test_disk.hpp"

using namespace presence;
using io::Store;
using io::TemporaryDirectory;
using test::TestDisk;
using tracker::Journal;

namespace {

const std::string kOwner = "tracker t1 of main";

Store::Write row(std::uint64_t number, std::uint64_t boot = 9, std::string body = {}) {
    if (body.empty()) body = "row " + std::to_string(number);
    return {{{number, boot, std::move(body)}}, {}, {}};
}

// All news until there is some that `enough` takes.
template <class Enough>
Journal::News news_when(Journal& journal, Enough enough) {
    Journal::News all;
    for (int turns = 0; turns < 100'000; ++turns) {
        pollfd fd{journal.fd(), POLLIN, 0};
        REQUIRE(::poll(&fd, 1, 20'000) == 1);
        auto news = journal.news();
        all.written_up_to = news.written_up_to;
        all.failure = news.failure;
        all.malformed = news.malformed;
        for (auto& reply : news.replies)
            all.replies.push_back(std::move(reply));
        if (enough(all)) return all;
    }
    FAIL("no such news");
    return all;
}
Journal::Reply replay(Journal& journal, std::uint64_t boot, std::uint64_t after) {
    REQUIRE(journal.replay({"peer", 4, boot, after}));
    return news_when(journal, [](const auto& news) { return !news.replies.empty(); }).replies[0];
}

// A store whose disk breaks down as told.
struct Broken {
    TemporaryDirectory directory;
    TestDisk disk;

    std::unique_ptr<Store> open() {
        Store::Options options{directory.path, kOwner};
        options.vfs = disk.name();
        return std::make_unique<Store>(options);
    }
};

}  // namespace

TEST_CASE("a journal writes what is appended, in order", "[tracker][journal]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path, kOwner};
    test::StoreModel model;
    {
        Journal journal(std::make_unique<Store>(options));
        for (std::uint64_t n = 1; n <= 500; ++n) {
            auto write = row(n);
            if (n % 7 == 0) write.states.push_back({static_cast<std::uint32_t>(n % 3), n, "s"});
            if (n % 50 == 0) write.facts = std::to_string(n);
            model.apply(write);
            journal.append(std::move(write));
        }
        news_when(journal, [](const auto& news) { return news.written_up_to == 500; });
        CHECK(journal.waiting_bytes() == 0);
        CHECK(journal.stop(20s));
    }
    CHECK(test::read(Store(options)) == model);
}

TEST_CASE("what waits is written in few transactions", "[tracker][journal]") {
    Broken world;
    auto store = world.open();
    world.disk.set_failure(SQLITE_IOERR_WRITE);
    Journal journal(std::move(store), {10ms});
    journal.append(row(1));
    news_when(journal, [](const auto& news) { return news.failure.has_value(); });
    for (std::uint64_t n = 2; n <= 10'000; ++n)
        journal.append(row(n));
    CHECK(journal.waiting_bytes() > 70'000);
    const auto before = world.disk.changes();
    world.disk.set_failure(0);
    news_when(journal, [](const auto& news) { return news.written_up_to == 10'000; });
    // Ten thousand transactions would make more calls than rows.
    CHECK(world.disk.changes() - before < 1000);
}

TEST_CASE("a write that fails is tried again until it succeeds, and told once",
          "[tracker][journal]") {
    Broken world;
    auto store = world.open();
    const auto file = (world.directory.path / "journal.sqlite").string();
    world.disk.set_full(true);
    Journal journal(std::move(store), {10ms});
    journal.append(row(1));
    auto news = news_when(journal, [](const auto& n) { return n.failure.has_value(); });
    CHECK(*news.failure == "cannot write " + file + ": disk full (No space left on device)");
    CHECK(news.written_up_to == 0);
    // Many tries later nothing more has been told, and questions are answered.
    CHECK(replay(journal, 9, 1).found == Journal::Found::diverged);
    pollfd fd{journal.fd(), POLLIN, 0};
    for (const auto before = world.disk.refused(); world.disk.refused() < before + 10;)
        REQUIRE(::poll(&fd, 1, 5) == 0);
    journal.append(row(2));
    CHECK(journal.waiting_bytes() == 10);
    world.disk.set_full(false);
    news = news_when(journal, [](const auto& n) { return n.written_up_to == 2; });
    CHECK_FALSE(news.failure);
    CHECK(journal.waiting_bytes() == 0);
}

TEST_CASE("a journal that is malformed says so once, and writes nothing more",
          "[tracker][journal]") {
    Broken world;
    Journal journal(world.open(), {10ms});
    world.disk.set_failure(SQLITE_CORRUPT);
    journal.append(row(1));
    const auto news = news_when(journal, [](const auto& n) { return n.failure.has_value(); });
    CHECK(news.malformed);
    world.disk.set_failure(SQLITE_OK);
    journal.append(row(2));
    CHECK_FALSE(journal.stop(1s));
    CHECK(journal.news().written_up_to == 0);
}

TEST_CASE("a replay goes on from a row page by page, across runs", "[tracker][journal][replay]") {
    const TemporaryDirectory directory;
    Journal::Options options;
    options.page_bytes = 1000;
    Journal journal(std::make_unique<Store>(Store::Options{directory.path, kOwner}), options);
    for (std::uint64_t n = 1; n <= 20; ++n)
        journal.append(
            row(n, n <= 10 ? 5 : 6, std::string(n == 15 ? 5000 : 300, static_cast<char>('a' + n))));
    news_when(journal, [](const auto& news) { return news.written_up_to == 20; });
    std::vector<std::size_t> pages;
    std::uint64_t after = 2;
    for (;;) {
        const auto page = replay(journal, after <= 10 ? 5 : 6, after);
        REQUIRE(page.found == Journal::Found::rows);
        CHECK(page.batch == 20);
        CHECK(page.ask.rid == 4);
        if (page.rows.empty()) break;
        for (const auto& body : page.rows)
            REQUIRE(body[0] == static_cast<char>('a' + ++after));
        pages.push_back(page.rows.size());
    }
    CHECK(after == 20);
    CHECK(pages == std::vector<std::size_t>{3, 3, 3, 3, 1, 3, 2});
}

TEST_CASE("a replay says what the journal does not know", "[tracker][journal][replay]") {
    const TemporaryDirectory directory;
    Store::Options options{directory.path, kOwner};
    options.retain_bytes = 100;
    Journal journal(std::make_unique<Store>(options));
    CHECK(replay(journal, 5, 0).found == Journal::Found::too_old);
    CHECK(replay(journal, 5, 1).found == Journal::Found::diverged);
    for (std::uint64_t n = 1; n <= 20; ++n) {
        auto write = row(n, 5, std::string(10, 'x'));
        write.states.push_back({1, n, "s"});
        journal.append(std::move(write));
    }
    for (std::uint64_t n = 20; n <= 22; ++n) {
        if (n > 20) journal.append(row(n, 5, std::string(10, 'x')));
        news_when(journal, [&](const auto& news) { return news.written_up_to == n; });
    }
    CHECK(replay(journal, 5, 3).found == Journal::Found::too_old);
    CHECK(replay(journal, 5, 0).found == Journal::Found::too_old);
    CHECK(replay(journal, 5, 20).rows.size() == 2);
    CHECK(replay(journal, 6, 20).found == Journal::Found::diverged);
    CHECK(replay(journal, 5, 23).found == Journal::Found::diverged);
    CHECK(replay(journal, 5, 22).rows.empty());
}

TEST_CASE("replays that wait are bounded", "[tracker][journal][replay]") {
    Broken world;
    Journal::Options options;
    options.asker_replays_max = 0;
    Journal journal(world.open(), options);
    CHECK_FALSE(journal.replay({"peer", 4, 9, 1}));
}

TEST_CASE("replays are read in turn for each peer, and no further than they are taken",
          "[tracker][journal][replay]") {
    const TemporaryDirectory directory;
    Journal journal(std::make_unique<Store>(Store::Options{directory.path, kOwner}));
    journal.append(row(1));
    news_when(journal, [](const auto& news) { return news.written_up_to == 1; });
    std::size_t asked = 0;
    while (asked < 80 && journal.replay({"flood", 0, 9, 1}))
        ++asked;
    CHECK(asked >= 64);
    CHECK(asked <= 67);  // the journal may have read three of them ahead meanwhile
    REQUIRE(journal.replay({"other", 1, 9, 1}));
    std::size_t most = 0, others_place = 0, count = 0;
    while (count < asked + 1) {
        pollfd fd{journal.fd(), POLLIN, 0};
        REQUIRE(::poll(&fd, 1, 20'000) == 1);
        const auto news = journal.news();
        most = std::max(most, news.replies.size());
        for (const auto& reply : news.replies)
            if (++count; reply.ask.peer == "other") others_place = count;
    }
    CHECK(most <= 2);
    // At most three were read before it asked: some are read ahead.
    CHECK(others_place <= 5);
}

TEST_CASE("a stop writes what waits, or says that it did not", "[tracker][journal]") {
    Broken world;
    {
        Journal journal(world.open());
        for (std::uint64_t n = 1; n <= 300; ++n)
            journal.append(row(n));
        CHECK(journal.stop(20s));
    }
    {
        auto store = world.open();
        CHECK(store->last() == 300);
        world.disk.set_failure(SQLITE_IOERR_WRITE);
        Journal journal(std::move(store), {10ms});
        journal.append(row(301));
        news_when(journal, [](const auto& news) { return news.failure.has_value(); });
        CHECK_FALSE(journal.stop(50ms));
    }
    world.disk.set_failure(0);
}

// ---- Killed between two steps: this program again, as a child that kills itself.

#ifdef PRESENCE_FAULT_POINTS
// Appends rows and says which of them were written, until it is killed.
TEST_CASE("a child that is killed", "[.killed-child]") {
    const char* directory = ::getenv("CHILD_DIRECTORY");
    if (!directory) return;
    auto store = std::make_unique<Store>(Store::Options{directory, kOwner});
    std::uint64_t last = store->last();
    Journal journal(std::move(store));
    for (int turn = 0; turn < 10'000; ++turn) {
        Store::Write write{{{last + 1, 9, std::string(5000, 'x')}}, {}, {}};
        write.states = {{1, last + 1, "a" + std::to_string(last + 1)},
                        {2, last + 1, "b" + std::to_string(last + 1)}};
        ++last;
        journal.append(std::move(write));
        news_when(journal, [&](const auto& news) { return news.written_up_to == last; });
        REQUIRE(::write(STDOUT_FILENO, &last, sizeof(last)) == sizeof(last));
    }
}

TEST_CASE("what a journal said was written is there after a kill at any step", "[journal][kill]") {
    const auto point = GENERATE(as<std::string>(), "journal.before_write:20",
                                "journal.after_write:20", "store.between_states:41",
                                "store.before_commit:20", "store.checkpoint:1", "store.open:1");
    const TemporaryDirectory directory;
    { Store(Store::Options{directory.path, kOwner}).write(row(1), 1000); }
    std::array<int, 2> pipe{};
    REQUIRE(::pipe2(pipe.data(), O_CLOEXEC) == 0);
    const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
    const auto fault = "FAULT_POINT=" + point, where = "CHILD_DIRECTORY=" + directory.path.string();
    const pid_t child = ::fork();
    if (child == 0) {
        ::dup2(pipe[1], STDOUT_FILENO);
        const std::array<const char*, 3> arguments{program.c_str(), "a child that is killed",
                                                   nullptr};
        const std::array<const char*, 3> environment{fault.c_str(), where.c_str(), nullptr};
        ::execve(program.c_str(), const_cast<char**>(arguments.data()),
                 const_cast<char**>(environment.data()));
        ::_exit(127);
    }
    ::close(pipe[1]);
    std::uint64_t told = 1, next = 0;
    while (::read(pipe[0], &next, sizeof(next)) == sizeof(next))
        told = next;
    ::close(pipe[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(WTERMSIG(status) == SIGKILL);

    const Store store({directory.path, kOwner});
    CHECK_FALSE(store.opened().cut);
    CAPTURE(point, told, store.last());
    CHECK(store.last() >= told);
    CHECK(store.last() <= told + 1);
    CHECK(store.last() == told + (point == "journal.after_write:20" ? 1 : 0) +
                              (point == "store.checkpoint:1" ? 1 : 0));
    for (const auto& [key, state] : test::read(store).states) {
        CHECK(state.first == store.last());
        CHECK(state.second.substr(1) == std::to_string(store.last()));
    }
}
#endif
