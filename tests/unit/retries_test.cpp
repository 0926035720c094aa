#include "notifier/deliver/retries.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <set>

using namespace presence;
using namespace presence::notifier;

namespace {

using Names = std::vector<std::string>;
constexpr auto kDone = Report::Item::done;
constexpr auto kAgain = Report::Item::again;
constexpr auto kNever = Report::Item::never;

// A portion that is told to a place, in virtual time. Users are letters, items are in their order.
struct Portion {
    explicit Portion(Names items, Retries::Options options = {})
        : users(std::move(items)), retries(options, 7) {
        begin();
    }
    void begin() { retries.begin({users.begin(), users.end()}); }

    // The next step, as soon as there is one: "a1 b2", "a1!" if it is to be given up; "" if none.
    std::string next() {
        const auto wakeup = retries.next_wakeup();
        if (wakeup == Instant::max()) return {};
        now = std::max(now, wakeup);
        step = retries.next(now);
        if (!step) return "nothing";
        std::string text;
        for (const auto item : step->items)
            text += (text.empty() ? "" : " ") + users[item] + std::to_string(item);
        return text + (step->attempts > 0 ? "!" : "");
    }
    void done() { retries.on_report(Report::all_done(step->items.size()), now); }
    void fail(Fault fault) { retries.on_report({{}, Failure{.fault = fault}}, now); }
    // Fails so until something else is to be tried.
    void expect_failing(const std::string& expected, Fault fault) {
        CHECK(next() == expected);
        fail(fault);
    }
    void expect(const std::string& expected) {
        CHECK(next() == expected);
        done();
    }

    Names users;
    Retries retries;
    Instant now{};
    std::optional<Retries::Step> step;
};

Names names(std::size_t number) {
    Names all;
    for (std::size_t n = 0; n < number; ++n)
        all.push_back("u" + std::to_string(n) + "_");
    return all;
}

}  // namespace

TEST_CASE("items are handed out in chunks, in order, each once", "[notifier][retries]") {
    Portion portion({"a", "b", "a", "c", "b"}, {.chunk_max = 2});
    CHECK(portion.retries.left_count() == 5);
    portion.expect("a0 b1");
    CHECK(portion.retries.leading() == 2);
    portion.expect("a2 c3");
    portion.expect("b4");
    CHECK(portion.next().empty());
    CHECK(portion.retries.left_count() == 0);
}

TEST_CASE("what is the place's fault is tried again as it was, for 24 h and on",
          "[notifier][retries]") {
    Portion portion({"a", "b"}, {.give_up_after = 1min});
    int tries = 0;
    for (; portion.now < Instant{} + 24h; ++tries)
        portion.expect_failing("a0 b1", Fault::place);
    CHECK(tries > 24 * 3600 / 10);  // pauses of at most 10 s
    CHECK(tries < 24 * 3600);
    CHECK_FALSE(portion.retries.refuses_everything());
    portion.expect("a0 b1");
}

TEST_CASE("who names a time is not asked before", "[notifier][retries]") {
    Portion portion({"a"});
    CHECK(portion.next() == "a0");
    portion.retries.on_report({{}, Failure{.fault = Fault::event, .retry_after = 1h}}, portion.now);
    const auto before = portion.now;
    CHECK(portion.next() == "a0");
    CHECK(portion.now >= before + 1h);
}

TEST_CASE("an event that the place never takes is found by halves, and dies alone, at once",
          "[notifier][retries]") {
    Portion portion({"a", "b", "c", "d", "c"});
    portion.expect_failing("a0 b1 c2 d3 c4", Fault::event);
    portion.expect_failing("a0 b1 c2", Fault::event);
    portion.expect("a0 b1");
    portion.expect_failing("c2", Fault::event);
    portion.expect("c2!");
    portion.expect("d3 c4");
    CHECK(portion.now == Instant{});  // nobody waited
    CHECK(portion.next().empty());
}

TEST_CASE("what the place names dies without a search, and its user's others keep their order",
          "[notifier][retries]") {
    Portion portion({"a", "b", "a", "b", "c"});
    CHECK(portion.next() == "a0 b1 a2 b3 c4");
    portion.retries.on_report({{kDone, kAgain, kNever, kAgain, kDone}, Failure{}}, portion.now);
    portion.expect("b1");
    portion.expect_failing("a2", Fault::event);
    portion.expect("a2!");
    portion.expect("b3");
    CHECK(portion.next().empty());
}

TEST_CASE("an event that fails alone is set aside with its user, while others go on",
          "[notifier][retries]") {
    Portion portion({"p", "b", "p", "c"}, {.chunk_max = 3, .give_up_after = 10min});
    portion.expect_failing("p0 b1 p2", Fault::unclear);
    portion.expect_failing("p0 b1 p2", Fault::unclear);
    portion.expect_failing("p0 b1", Fault::unclear);
    portion.expect_failing("p0", Fault::unclear);
    CHECK(portion.retries.aside() == 1);
    portion.expect("b1");
    CHECK(portion.retries.leading() == 0);
    portion.expect("c3");
    CHECK(portion.retries.only_aside());
    CHECK(portion.retries.left() == std::vector<std::size_t>{0, 2});

    SECTION("it dies once that time has passed, as others were taken, and the next one is tried") {
        const auto since = portion.now;
        for (auto step = portion.next(); step != "p0!"; step = portion.next()) {
            REQUIRE(step == "p0");
            portion.fail(Fault::unclear);
        }
        CHECK(portion.now >= since + 9min);
        CHECK(portion.now <= since + 11min);
        CHECK(portion.step->attempts > 10);
        portion.done();
        portion.expect("p2");
        CHECK(portion.retries.left_count() == 0);
        CHECK(portion.retries.aside() == 0);
    }
    SECTION("it is taken after all, and the next one after it") {
        portion.expect("p0");
        portion.expect("p2");
        CHECK(portion.next().empty());
    }
    SECTION("it goes along with the next portion, before what is newer of its user") {
        portion.users = {"p", "p", "x", "p"};
        portion.begin();
        portion.expect("x2");
        portion.expect("p0");
        portion.expect("p1 p3");
        CHECK(portion.next().empty());
    }
    SECTION("a letter that cannot be kept is tried again") {
        while (portion.next() != "p0!")
            portion.fail(Fault::unclear);
        portion.retries.on_report({{}, Failure{.ours = true}}, portion.now);
        while (portion.next() != "p0!")
            portion.fail(Fault::unclear);
        portion.done();
        portion.expect("p2");
    }
}

TEST_CASE("where the place took nothing else, nothing unclear dies, however long it lasts",
          "[notifier][retries]") {
    Portion portion({"p"}, {.give_up_after = 1min});
    while (portion.now < Instant{} + 24h) {
        REQUIRE(portion.next() == "p0");
        portion.fail(Fault::unclear);
    }
    // In the next portion somebody is taken: now it is known whose fault it was.
    portion.users = {"p", "b"};
    portion.begin();
    portion.expect("b1");
    for (auto step = portion.next(); step != "p0!"; step = portion.next())
        portion.fail(Fault::unclear);
    portion.done();
    CHECK(portion.next().empty());
}

TEST_CASE("without give_up_after what is unclear never dies", "[notifier][retries]") {
    Portion portion({"p", "b"});
    portion.expect_failing("p0 b1", Fault::unclear);
    portion.expect_failing("p0 b1", Fault::unclear);
    portion.expect_failing("p0", Fault::unclear);
    portion.expect("b1");
    int tries = 0;
    for (; portion.now < Instant{} + 24h; ++tries)
        portion.expect_failing("p0", Fault::unclear);
    CHECK(tries >= 24 * 60);
    CHECK(tries < 24 * 60 + 20);  // once a minute when it is old
}

TEST_CASE("ten deaths with nothing taken between are the place's fault: no more die",
          "[notifier][retries]") {
    Portion portion(names(5'000));
    std::size_t dead = 0;
    while (portion.now < Instant{} + 24h) {
        const auto step = portion.next();
        if (step.ends_with('!')) {
            ++dead;
            portion.done();
        } else {
            portion.fail(Fault::event);
        }
    }
    CHECK(dead == 10);
    CHECK(portion.retries.refuses_everything());
    CHECK(portion.retries.aside() <= Retries::kAsideMax);
    // It is mended, and takes all that is left.
    while (!portion.next().empty()) {
        REQUIRE(portion.step->attempts == 0);
        portion.done();
    }
    CHECK_FALSE(portion.retries.refuses_everything());
    CHECK(portion.retries.left_count() == 0);
}

TEST_CASE("a place that fails with everything for a day loses nothing, and is asked seldom",
          "[notifier][retries]") {
    Portion portion(names(5'000), {.give_up_after = 1h});
    int tries = 0;
    for (; portion.now < Instant{} + 24h; ++tries) {
        REQUIRE_FALSE(portion.next().ends_with('!'));
        portion.fail(Fault::unclear);
    }
    CHECK(tries < 250'000);
    CHECK(portion.retries.refuses_everything());
    while (!portion.next().empty())
        portion.done();
    CHECK(portion.retries.left_count() == 0);
}

TEST_CASE("whatever a place does, each user's items are taken or given up in order",
          "[notifier][retries]") {
    rc::prop("whatever the seed", [](std::uint64_t seed) {
        std::minstd_rand random(static_cast<unsigned>(seed));
        const auto below = [&](std::size_t n) { return random() % n; };
        Names users;
        for (auto n = below(60) + 1; n > 0; --n)
            users.push_back(std::string(1, static_cast<char>('a' + below(8))));
        Portion portion(users, {.chunk_max = below(20) + 1,
                                .give_up_after = below(2) == 0 ? 0s : 1min,
                                .attempts_max = below(3) == 0 ? 3u : 0u});
        const auto poison = below(users.size());
        std::map<std::string, std::vector<std::size_t>> ended;
        for (int step = 0; step < 20'000; ++step) {
            const auto what = portion.next();
            if (what.empty()) break;
            if (what == "nothing") continue;  // what was next waits for somebody set aside
            const auto& items = portion.step->items;
            std::vector<Report::Item> report;
            bool all = true;
            for (const auto item : items) {
                const bool burial = portion.step->attempts > 0;
                const bool taken = burial || (item != poison && below(20) != 0);
                // Nothing of a user is taken behind one that was not.
                bool before = true;
                for (std::size_t n = 0; n < report.size(); ++n)
                    before = before && (users[items[n]] != users[item] || report[n] == kDone);
                report.push_back(taken && before ? kDone : below(30) == 0 ? kNever : kAgain);
                all = all && report.back() == kDone;
                if (report.back() == kDone) ended[users[item]].push_back(item);
            }
            std::optional<Failure> failure;
            if (!all) failure = Failure{.fault = static_cast<Fault>(below(3))};
            portion.retries.on_report({report, failure}, portion.now);
            std::size_t leading = 0;
            std::set<std::size_t> over;
            for (const auto& [user, numbers] : ended)
                over.insert(numbers.begin(), numbers.end());
            while (over.count(leading) == 1)
                ++leading;
            RC_ASSERT(portion.retries.leading() == leading);
            RC_ASSERT(portion.retries.left_count() == users.size() - over.size());
        }
        for (const auto& [user, numbers] : ended) {
            RC_ASSERT(std::is_sorted(numbers.begin(), numbers.end()));
            RC_ASSERT(std::set(numbers.begin(), numbers.end()).size() == numbers.size());
        }
    });
}
