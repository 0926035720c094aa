#include "notifier/sinks/postgres/history.hpp"

#include <charconv>

namespace presence::notifier {

namespace {

// "20261130".
std::string digits_of(Day day, const char* between = "") {
    const std::chrono::year_month_day date{day};
    const auto two = [](unsigned number) {
        return (number < 10 ? "0" : "") + std::to_string(number);
    };
    return std::to_string(static_cast<int>(date.year())) + between +
           two(static_cast<unsigned>(date.month())) + between +
           two(static_cast<unsigned>(date.day()));
}

std::string midnight(Day day) {
    return "'" + digits_of(day, "-") + " 00:00:00+00'";
}

std::string partition(const PostgresSql& sql, Day day) {
    return sql.history_schema + '"' + partition_name(sql.history_name, day) + '"';
}

std::optional<Day> day_named(std::string_view digits) {
    unsigned number = 0;
    const auto* end = digits.data() + digits.size();
    const auto [rest, error] = std::from_chars(digits.data(), end, number);
    if (digits.size() != 8 || error != std::errc{} || rest != end) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{static_cast<int>(number / 10'000)},
                                           std::chrono::month{number / 100 % 100},
                                           std::chrono::day{number % 100}};
    if (!date.ok()) return std::nullopt;
    return Day{date};
}

}  // namespace

Day day_of(std::int64_t unix_ms) {
    return std::chrono::floor<std::chrono::days>(
        std::chrono::sys_time<std::chrono::milliseconds>{std::chrono::milliseconds{unix_ms}});
}

void HistoryDays::found(std::string_view partition, const std::string& history_name) {
    if (!partition.starts_with(history_name + "_")) return;
    if (const auto day = day_named(partition.substr(history_name.size() + 1))) made(*day);
}

Day HistoryDays::first_taken(std::int64_t now_ms) const {
    if (max_ == Duration{0}) return day_of(now_ms) - kBehindMax;
    return day_of(now_ms - std::chrono::floor<std::chrono::milliseconds>(max_).count());
}

bool HistoryDays::takes(std::int64_t at_ms, std::int64_t now_ms) const {
    const auto day = day_of(at_ms);
    return has(day) || (day >= first_taken(now_ms) && day <= day_of(now_ms) + kAheadMax);
}

std::vector<Day> HistoryDays::outdated(std::int64_t now_ms) const {
    if (max_ == Duration{0}) return {};
    return {days_.begin(), days_.lower_bound(first_taken(now_ms))};
}

std::string partition_name(const std::string& history_name, Day day) {
    return history_name + "_" + digits_of(day);
}

std::string create_partition(const PostgresSql& sql, Day day) {
    const auto name = partition(sql, day);
    return "CREATE TABLE IF NOT EXISTS " + name + " (LIKE " + sql.history +
           " INCLUDING DEFAULTS INCLUDING CONSTRAINTS); ALTER TABLE " + sql.history +
           " ATTACH PARTITION " + name + " FOR VALUES FROM (" + midnight(day) + ") TO (" +
           midnight(day + std::chrono::days{1}) + ")";
}

std::string drop_partition(const PostgresSql& sql, Day day) {
    return "DROP TABLE IF EXISTS " + partition(sql, day);
}

const char* partitions_there() {
    return "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE "
           "i.inhparent = to_regclass($1)";
}

}  // namespace presence::notifier
