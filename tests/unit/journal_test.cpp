#include <poll.h>

#include <catch2/catch.hpp>

#include "tests/support/temporary_directory.hpp"
#include "tracker/journal.hpp"

using namespace presence;
using io::Store;
using test::TemporaryDirectory;
using tracker::Journal;

namespace {

// News once there is some that `enough` takes; fails after 10 s.
template <class Enough>
Journal::News news_when(Journal& journal, Enough enough) {
    Journal::News all;
    for (int turns = 0; turns < 1000; ++turns) {
        pollfd fd{journal.fd(), POLLIN, 0};
        REQUIRE(::poll(&fd, 1, 10'000) == 1);
        auto news = journal.news();
        all.written_up_to = news.written_up_to;
        all.failure = news.failure;
        for (auto& reply : news.replies)
            all.replies.push_back(std::move(reply));
        if (enough(all)) return all;
    }
    FAIL("no such news");
    return all;
}

}  // namespace

TEST_CASE("a journal writes what is appended, in order, and replays it", "[tracker][journal]") {
    const TemporaryDirectory directory;
    const Store::Options options{directory.path, "tracker t1 of main"};
    {
        Journal journal(std::make_unique<Store>(options));
        for (std::uint64_t n = 1; n <= 100; ++n)
            journal.append({{{n, 9, "row " + std::to_string(n)}}, {}, {}});
        news_when(journal, [](const auto& news) { return news.written_up_to == 100; });
        CHECK(journal.waiting_bytes() == 0);
        REQUIRE(journal.replay({"peer", 4, 9, 98}));
        const auto news = news_when(journal, [](const auto& n) { return !n.replies.empty(); });
        REQUIRE(news.replies.size() == 1);
        CHECK(news.replies[0].found == Journal::Found::rows);
        CHECK(news.replies[0].rows == std::vector<std::string>{"row 99", "row 100"});
        CHECK(news.replies[0].batch == 100);
        CHECK(journal.stop(10s));
    }
    CHECK(Store(options).last() == 100);
}
