#include "notifier/sinks/reasons.hpp"

#include <catch2/catch.hpp>

namespace presence::notifier {
namespace {

using Told = std::vector<std::pair<std::string, std::uint64_t>>;

Told told(Reasons& reasons, Instant now) {
    Told all;
    for (const auto& due : reasons.take(now))
        all.emplace_back(due.reason, due.count);
    return all;
}

TEST_CASE("the limit of one reason does not swallow another", "[reasons]") {
    Reasons reasons(10s);
    const Instant begin{1h};
    reasons.add("answered 500", 1);
    CHECK(told(reasons, begin) == Told{{"answered 500", 1}});
    reasons.add("answered 500", 2);
    reasons.add("answered 400", 1);
    CHECK(told(reasons, begin + 1s) == Told{{"answered 400", 1}});
    reasons.add("answered 500", 3);
    CHECK(told(reasons, begin + 9s).empty());
    CHECK(told(reasons, begin + 10s) == Told{{"answered 500", 5}});
    CHECK(told(reasons, begin + 1h).empty());
}

TEST_CASE("reasons without end are one at last, and nothing is left out", "[reasons]") {
    Reasons reasons(10s);
    Instant now{1h};
    std::uint64_t events = 0;
    std::size_t lines = 0;
    for (int n = 0; n < 1'000; ++n, now += 10ms) {  // 10 s
        reasons.add("answered with request id " + std::to_string(n), 1);
        for (const auto& [reason, count] : told(reasons, now)) {
            ++lines;
            events += count;
        }
    }
    CHECK(lines <= Reasons::kReasonsMax + 2);
    for (const auto& [reason, count] : told(reasons, now + 10s)) {
        CHECK(reason == "other reasons");
        events += count;
    }
    CHECK(events == 1'000);
    reasons.add("another", 1);
    CHECK(told(reasons, now + 20s) == Told{{"another", 1}});
}

TEST_CASE("what may not be told now is not told later", "[reasons]") {
    Reasons reasons(10s);
    const Instant begin{1h};
    CHECK(reasons.may_tell("disk full", begin));
    CHECK_FALSE(reasons.may_tell("disk full", begin + 9s));
    CHECK(reasons.may_tell("no permission", begin + 9s));
    CHECK(told(reasons, begin + 10s).empty());
    CHECK(reasons.may_tell("disk full", begin + 10s));
}

}  // namespace
}  // namespace presence::notifier
