#include "tracker/answers/snapshots.hpp"

#include <catch2/catch.hpp>

#include "common/limits.hpp"

using namespace presence;
using tracker::Snapshots;

namespace {

SnapshotAnswer of_users(std::size_t count, Slot slot = 3) {
    SnapshotAnswer answer;
    answer.slot = slot;
    answer.epoch = 9;
    answer.seq = 11;
    for (std::size_t n = 0; n < count; ++n)
        answer.users.push_back({std::to_string(n) + std::string(100, 'x'), 1, 2, 3, {}});
    return answer;
}

}  // namespace

TEST_CASE("a snapshot too large for one answer is paged, each page of the same turn",
          "[tracker][snapshot]") {
    Snapshots snapshots;
    auto page = snapshots.take(of_users(30'000), Instant{});
    std::size_t users = 0;
    std::size_t pages = 0;
    for (;; ++pages) {
        CHECK(page.epoch == 9);
        CHECK(page.seq == 11);
        CHECK(encode_answer({page, {}, Freshness::live, 0}).size() < kAnswerBytesMax);
        for (const auto& user : page.users)
            REQUIRE(user.user == std::to_string(users++) + std::string(100, 'x'));
        if (page.cursor.empty()) break;
        const auto cursor = page.cursor;
        REQUIRE(snapshots.page(3, cursor));  // an answer may be lost: the page stays
        page = snapshots.page(3, cursor).value();
    }
    CHECK(users == 30'000);
    CHECK(pages >= 3);
}

TEST_CASE("a page is kept for a while only, and the oldest make room", "[tracker][snapshot]") {
    Snapshots snapshots;
    const auto cursor = snapshots.take(of_users(10'000), Instant{}).cursor;
    snapshots.on_time(Instant{Snapshots::kKept - 1us});
    CHECK(snapshots.page(3, cursor));
    SECTION("time") {
        snapshots.on_time(Instant{Snapshots::kKept});
        CHECK_FALSE(snapshots.page(3, cursor));
    }
    SECTION("room") {
        for (int n = 0; n < 40; ++n)
            (void)snapshots.take(of_users(10'000), Instant{});
        CHECK_FALSE(snapshots.page(3, cursor));
    }
}

TEST_CASE("a cursor that was never given finds nothing", "[tracker][snapshot]") {
    Snapshots snapshots;
    const auto cursor = snapshots.take(of_users(10'000), Instant{}).cursor;
    CHECK_FALSE(snapshots.page(4, cursor));
    for (const auto* wrong : {"", ".", "1", "1.", "1.0", "1.99", "9.1", "-1.1", "1.1x", "x.1",
                              "99999999999999999999.1"})
        CHECK_FALSE(snapshots.page(3, wrong));
}
