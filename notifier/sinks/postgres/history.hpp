#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"
#include "notifier/sinks/postgres/sql.hpp"

namespace presence::notifier {

using Day = std::chrono::sys_days;  // UTC

[[nodiscard]] Day day_of(std::int64_t unix_ms);

// Which days of a history have a partition, which are to have one, and which have to go. Pure.
class HistoryDays {
public:
    // Of an event that lies further ahead some clock is wrong: no day is made for it.
    static constexpr std::chrono::days kAheadMax{7};
    static constexpr std::chrono::days kBehindMax{
        3650};  // the same, where events are kept for ever

    // `max`: how long events are kept; 0: for ever.
    explicit HistoryDays(Duration max) : max_(max) {}

    // That there is this partition; one of another name is not ours.
    void found(std::string_view partition, const std::string& history_name);
    void made(Day day) { days_.insert(day); }
    void dropped(Day day) { days_.erase(day); }

    // Whether the history takes an event of that time.
    [[nodiscard]] bool takes(std::int64_t at_ms, std::int64_t now_ms) const;
    [[nodiscard]] bool has(Day day) const { return days_.contains(day); }
    // Those that nobody may want any more.
    [[nodiscard]] std::vector<Day> outdated(std::int64_t now_ms) const;

private:
    [[nodiscard]] Day first_taken(std::int64_t now_ms) const;

    Duration max_;
    std::set<Day> days_;
};

// "presence_history_20261130".
[[nodiscard]] std::string partition_name(const std::string& history_name, Day day);
// Made beside the history and attached, as that waits for nobody who reads it.
[[nodiscard]] std::string create_partition(const PostgresSql& sql, Day day);
[[nodiscard]] std::string drop_partition(const PostgresSql& sql, Day day);
// $1 history: the names of its partitions.
[[nodiscard]] const char* partitions_there();

}  // namespace presence::notifier
