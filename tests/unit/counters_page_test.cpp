// The page of all counters, compared with the lists that the processes count by.
#include <catch2/catch.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "collector/counters.hpp"
#include "common/follow/counters.hpp"
#include "common/io/guard.hpp"
#include "common/wire/reject.hpp"
#include "notifier/counters.hpp"
#include "tracker/counters.hpp"

namespace presence {
namespace {

std::string kind_of(const Counter& counter) {
    const bool gauge =
        counter.kind == CounterKind::gauge || counter.kind == CounterKind::trouble_gauge;
    return std::string(counter.is_trouble() ? "trouble, " : "") + (gauge ? "now" : "since start");
}

template <class... Tables>
std::string table_of(const Tables&... tables) {
    std::vector<CounterValue> all;
    (tables.append_to(all), ...);
    std::string table = "| counter | kind | meaning |\n|---|---|---|\n";
    for (const auto& [counter, value] : all)
        table.append("| `").append(counter->name).append("` | ").append(kind_of(*counter)) +=
            " | " + std::string(counter->help) + " |\n";
    return table;
}

std::string page() {
    std::ifstream file(PRESENCE_DOCS "/reference/counters.md");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("the page of counters has a table of each process, as the code has it", "[counters]") {
    const std::map<std::string, std::string> tables{
        {"Collector", table_of(collector::CollectorCounters{}, io::GuardCounters{})},
        {"Heartbeats that break the contract", table_of(Rejects{})},
        {"Tracker", table_of(tracker::TrackerCounters{}, io::GuardCounters{})},
        {"Follower", table_of(FollowCounters{})},
        {"Notifier", table_of(notifier::NotifierCounters{}, io::GuardCounters{})}};
    const auto text = page();
    for (const auto& [title, table] : tables) {
        const auto at = text.find("\n## " + title + "\n");
        const auto end = at == std::string::npos ? at : text.find("\n## ", at + 1);
        const auto section =
            at == std::string::npos ? std::string() : text.substr(at, end - at) + "\n";
        const bool there = section.find("\n\n" + table + "\n") != std::string::npos;
        // Not in a message of Catch2, which would break its lines.
        if (!there) std::cout << "the table of " << title << " is to be:\n\n" << table << "\n";
        INFO(title);
        CHECK(there);
    }
}

}  // namespace presence
