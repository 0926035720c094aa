#include "common/counters.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "collector/counters.hpp"
#include "common/follow/counters.hpp"
#include "common/wire/reject.hpp"
#include "notifier/counters.hpp"
#include "tracker/counters.hpp"

namespace presence {
namespace {

constexpr auto kShapes = std::to_array<Counter>({
    {"round", CounterKind::count, "Round ones."},
    {"square", CounterKind::trouble, "Square ones."},
    {"height", CounterKind::gauge, "How high they lie."},
});
using Shapes = Counters<kShapes>;

std::vector<CounterValue> values_of(const Shapes& shapes) {
    std::vector<CounterValue> all;
    shapes.append_to(all);
    return all;
}

// Of the tables that one process tells together.
template <class... Tables>
void check_lines(const Tables&... tables) {
    std::vector<CounterValue> all;
    (tables.append_to(all), ...);
    std::set<std::string_view> names;
    for (const auto& [counter, value] : all) {
        INFO(counter->name);
        CHECK(names.insert(counter->name).second);
        CHECK(std::all_of(counter->name.begin(), counter->name.end(), [](char c) {
            return c == '_' || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        }));
        CHECK(counter->help.ends_with('.'));
        CHECK(counter->help.find('\n') == std::string_view::npos);
    }
}

}  // namespace

TEST_CASE("Counters are told in the order of their list, zeros too", "[counters]") {
    Shapes shapes;
    ++shapes["square"];
    shapes["square"] += 2;
    shapes.set("height", -1);
    const auto all = values_of(shapes);
    REQUIRE(all.size() == 3);
    CHECK(all[0].counter == &kShapes[0]);
    CHECK(all[0].value == 0);
    CHECK(all[1].counter->name == "square");
    CHECK(all[1].counter->is_trouble());
    CHECK_FALSE(all[2].counter->is_trouble());
    CHECK(all[1].value == 3);
    CHECK(all[2].value == -1);
}

TEST_CASE("The counters of two parts add up", "[counters]") {
    Shapes one;
    one["round"] = 1;
    one["square"] = 2;
    Shapes other;
    other["square"] = 40;
    one += other;
    CHECK(one["round"] == 1);
    CHECK(one["square"] == 42);
    CHECK(one.total() == 43);
    CHECK(other.total() == 40);
}

TEST_CASE("A key is kept and told by its name", "[counters]") {
    Shapes::Key key = "square";
    CHECK(key.name() == "square");
    CHECK(key == Shapes::Key("square"));
    CHECK_FALSE(key == Shapes::Key());
    CHECK(Shapes::Key().name() == "round");
    Shapes shapes;
    ++shapes[key];
    CHECK(shapes["square"] == 1);
}

TEST_CASE("Each process tells a name once, and what it means", "[counters]") {
    check_lines(tracker::TrackerCounters{});
    check_lines(collector::CollectorCounters{});
    check_lines(FollowCounters{}, notifier::NotifierCounters{});
    check_lines(Rejects{});
}

}  // namespace presence
