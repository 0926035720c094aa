#include "cli/bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "cli/bench/percentiles.hpp"

namespace presence::cli {
namespace {

double ms(Duration d) {
    return static_cast<double>(d.count()) / 1000.0;
}

double per_second(std::uint64_t n, double seconds) {
    return seconds > 0 ? static_cast<double>(n) / seconds : 0.0;
}

double per_million(double seconds, std::uint64_t n) {
    return n > 0 ? seconds * 1e6 / static_cast<double>(n) : 0.0;
}

}  // namespace

std::string progress_line(std::string_view what, double done, std::string_view more,
                          std::size_t columns) {
    constexpr std::size_t kBarMax = 30;
    constexpr std::size_t kOthers = 18;  // "catch up  [] 100%" and a free column
    const auto share = std::clamp(done, 0.0, 1.0);
    const auto room = columns > kOthers ? columns - kOthers : 0;
    const auto bar = std::min(kBarMax, room);
    const auto filled = static_cast<std::size_t>(std::lround(share * static_cast<double>(bar)));
    auto line =
        fmt::format("{:<9} [{:<{}}] {:3.0f}%", what, std::string(filled, '#'), bar, 100 * share);
    if (room >= bar + 2 + more.size()) line.append("  ").append(more);
    return line.substr(0, columns > 0 ? columns - 1 : 0);
}

std::string text_of(BenchReport& r) {
    std::string out;
    const auto to = std::back_inserter(out);
    fmt::format_to(to, "users        {}\n", r.users);
    fmt::format_to(to, "heartbeats   {} sent, {} applied, {:.0f} a second, in {:.2f} s\n", r.sent,
                   r.applied, per_second(r.applied, r.seconds), r.seconds);
    fmt::format_to(to, "transitions  {}, {:.0f} a second in the load\n", r.transitions,
                   per_second(r.transitions_in_load, r.seconds));
    if (r.sink)
        fmt::format_to(
            to, "sink         {} lines, {:.0f} a second in the load, done {:.2f} s after it\n",
            r.sink->lines, per_second(r.sink->lines_in_load, r.seconds), r.sink->seconds_behind);
    if (!r.lateness.empty())
        fmt::format_to(to,
                       "lateness     p50 {:.1f}  p90 {:.1f}  p99 {:.1f}  max {:.1f} ms, of {} "
                       "offlines, from last send + ttl to the subscriber\n",
                       ms(percentile(r.lateness, 50)), ms(percentile(r.lateness, 90)),
                       ms(percentile(r.lateness, 99)), ms(percentile(r.lateness, 100)),
                       r.lateness.size());
    for (const auto& p : r.processes)
        fmt::format_to(to,
                       "{:<12} {:.3f} CPU s per 1M heartbeats, {:.3f} per 1M transitions, "
                       "{:.1f} bytes a user\n",
                       p.name, per_million(p.cpu_seconds, r.sent),
                       per_million(p.cpu_seconds, r.transitions_in_load), p.bytes_per_user);
    if (r.good())
        fmt::format_to(to, "verdict      right: no transition wrong or missing, nothing lost\n");
    else
        fmt::format_to(
            to,
            "verdict      WRONG: {} early, {} repeated, {} of unknown users, {} missing; "
            "{} batches lost, {} restarts\n",
            r.wrong.early, r.wrong.repeated, r.wrong.unknown, r.missing, r.batches_lost,
            r.restarts);
    return out;
}

std::string json_of(BenchReport& r) {
    std::string out;
    const auto to = std::back_inserter(out);
    fmt::format_to(to,
                   R"({{"users":{},"sent":{},"applied":{},"seconds":{:.3f},"per_second":{:.0f},)"
                   R"("transitions":{},"transitions_in_load":{},"lateness_ms":)",
                   r.users, r.sent, r.applied, r.seconds, per_second(r.applied, r.seconds),
                   r.transitions, r.transitions_in_load);
    if (r.lateness.empty())
        out += "null";
    else
        fmt::format_to(to, R"({{"p50":{:.3f},"p90":{:.3f},"p99":{:.3f},"max":{:.3f},"of":{}}})",
                       ms(percentile(r.lateness, 50)), ms(percentile(r.lateness, 90)),
                       ms(percentile(r.lateness, 99)), ms(percentile(r.lateness, 100)),
                       r.lateness.size());
    if (r.sink)
        fmt::format_to(to, R"(,"sink":{{"lines":{},"lines_in_load":{},"seconds_behind":{:.3f}}})",
                       r.sink->lines, r.sink->lines_in_load, r.sink->seconds_behind);
    out += R"(,"processes":[)";
    for (std::size_t i = 0; i < r.processes.size(); ++i)
        fmt::format_to(to,
                       R"({}{{"name":"{}","cpu_seconds_per_million":{:.4f},)"
                       R"("cpu_seconds_per_million_transitions":{:.4f},"bytes_per_user":{:.1f}}})",
                       i > 0 ? "," : "", r.processes[i].name,
                       per_million(r.processes[i].cpu_seconds, r.sent),
                       per_million(r.processes[i].cpu_seconds, r.transitions_in_load),
                       r.processes[i].bytes_per_user);
    fmt::format_to(to,
                   R"(],"early":{},"repeated":{},"unknown":{},"missing":{},)"
                   R"("batches_lost":{},"restarts":{},"good":{}}})",
                   r.wrong.early, r.wrong.repeated, r.wrong.unknown, r.missing, r.batches_lost,
                   r.restarts, r.good());
    return out + "\n";
}

}  // namespace presence::cli
