#include "common/config/config.hpp"
#include "common/config/lateness.hpp"
#include "common/config/schema.hpp"

namespace presence {
namespace {

// Worst cases, as comments.
void write_lateness(std::string& out, const PresenceConfig& config) {
    out +=
        "# How late after their last heartbeat + ttl a user is told offline at most, if this\n"
        "# happens (a ttl of their own counts in place of timeout). Never earlier, unless it\n"
        "# says stale:\n";
    for (const auto& late : late_bounds(config)) {
        out.append("#   ").append(late.when).append(": ").append(late.value);
        out.append(" (").append(late.bound).append(")\n");
    }
}

// What a setting is for, and who set it where that was not the file.
void write_origin(std::string& out, const Setting& setting,
                  const std::vector<Config::Override>& overrides) {
    out.append("# ").append(setting.help) += '\n';
    for (const auto& [key, by, without] : overrides)
        if (key == setting.key) out.append("# " + by + "; without it: " + without) += '\n';
}

}  // namespace

std::string print_config(const Config& config) {
    std::string out;
    write_lateness(out, config.presence);
    for (const auto& kind : schema())
        for (const auto* table : kind.all(config)) {
            out += "\n" + kind.title() + "\n";
            for (const auto* setting : kind.printed(table)) {
                if (!kind.list) write_origin(out, *setting, config.overrides);
                out.append(setting->key) += " = " + toml_of(*setting, table) + "\n";
            }
        }
    return out;
}

std::string overrides_of(const Config& config) {
    std::string all;
    for (const auto& [key, by, without] : config.overrides) {
        all.append(all.empty() ? "" : ", ").append(key);
        all.append(" by ").append(by);
    }
    return all;
}

}  // namespace presence
