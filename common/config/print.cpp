#include "common/config/config.hpp"
#include "common/config/schema.hpp"

namespace presence {
namespace {

// Worst cases, as comments.
void write_lateness(std::string& out, const PresenceConfig& p) {
    const auto line = [&](const std::string& text) { out += text + "\n"; };
    const auto grace = p.collector_grace_or_timeout();
    const auto freeze = p.freeze_max_or_default();
    const auto edge = p.edge_timeout + p.edge_grace + 500ms;
    const auto lost = Duration{1'000'000'000'000 / static_cast<std::int64_t>(p.edge_lost_rate)};
    line("# How late after the last heartbeat + ttl a user is told offline (a user with a ttl");
    line("# of their own: that ttl in place of timeout):");
    line("#   without faults                      100ms (p99)");
    line("#   a collector or tracker restarts     " + format_duration(p.timeout) +
         " and the restart (timeout)");
    line("#   a collector vanishes or is cut off  " + format_duration(grace + p.timeout) +
         " (collector_grace + timeout)");
    line("#   one that was cut off is back        " + format_duration(p.timeout + 13s) +
         " from then (timeout + 13s)");
    line("#   stalled, or cut from one tracker    " + format_duration(freeze + 2s) +
         ", of an hour (freeze_max + 2s)");
    line("#   no collector is to be heard         " +
         format_duration(freeze + 2s + grace + p.timeout) + ", of an hour (freeze_max + 2s +");
    line("#                                       collector_grace + timeout)");
    line("#   collectors crash again and again    " + format_duration(freeze + p.timeout) +
         ", of an hour (freeze_max + timeout)");
    line("#   an edge dies                        " + format_duration(edge) + " and " +
         format_duration(std::chrono::ceil<std::chrono::milliseconds>(lost)) +
         " for each million users (edge_timeout + edge_grace + 500ms,");
    line("#                                       edge_lost_rate)");
    line("#   an edge is cut off and comes back   " +
         format_duration(p.edge_timeout + p.edge_grace) + " (edge_timeout + edge_grace)");
    line("#   an edge comes and goes              " + format_duration(freeze) +
         " (freeze_max, of an hour)");
    line("# Never earlier, in any of these cases.");
}

}  // namespace

std::string print_config(const Config& config) {
    std::string out;
    write_lateness(out, config.presence);
    for (const auto& kind : schema())
        for (const auto* table : kind.all(config)) {
            out += "\n" + kind.title() + "\n";
            for (const auto* setting : kind.printed(table)) {
                if (!kind.list) out.append("# ").append(setting->help) += '\n';
                out.append(setting->key) += " = " + toml_of(*setting, table) + "\n";
            }
        }
    return out;
}

}  // namespace presence
