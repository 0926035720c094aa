#include <array>
#include <cstdio>

#include "common/config/config.hpp"
#include "common/config/settings.hpp"

namespace presence {
namespace {

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04X", byte);
            out += escape.data();
        } else {
            out += c;
        }
    }
    return out + "\"";
}

class Writer {
public:
    void line(const std::string& text) { out_ += text + "\n"; }
    void table(const std::string& name) { out_ += "\n[[" + name + "]]\n"; }
    void text(const std::string& key, const std::string& value) {
        line(key + " = " + quoted(value));
    }
    void bind(const std::string& key, const std::string& value, const std::string& endpoint) {
        if (value != endpoint) text(key, value);
    }
    std::string take() { return std::move(out_); }

private:
    std::string out_;
};

void write_lateness(Writer& out, const PresenceConfig& p) {
    const auto grace = p.collector_grace_or_timeout();
    const auto freeze = p.freeze_max_or_default();
    const auto edge = p.edge_timeout + p.edge_grace + 500ms;
    const auto lost = Duration{1'000'000'000'000 / static_cast<std::int64_t>(p.edge_lost_rate)};
    out.line("# How late after the last heartbeat + ttl a user is told offline (a user with a ttl");
    out.line("# of their own: that ttl in place of timeout):");
    out.line("#   without faults                      100ms (p99)");
    out.line("#   a collector or tracker restarts     " + format_duration(p.timeout) +
             " and the restart (timeout)");
    out.line("#   a collector vanishes or is cut off  " + format_duration(grace + p.timeout) +
             " (collector_grace + timeout)");
    out.line("#   one that was cut off is back        " + format_duration(p.timeout + 13s) +
             " from then (timeout + 13s)");
    out.line("#   stalled, or cut from one tracker    " + format_duration(freeze + 2s) +
             ", of an hour (freeze_max + 2s)");
    out.line("#   no collector is to be heard         " +
             format_duration(freeze + 2s + grace + p.timeout) + ", of an hour (freeze_max + 2s +");
    out.line("#                                       collector_grace + timeout)");
    out.line("#   collectors crash again and again    " + format_duration(freeze + p.timeout) +
             ", of an hour (freeze_max + timeout)");
    out.line("#   an edge dies                        " + format_duration(edge) + " and " +
             format_duration(std::chrono::ceil<std::chrono::milliseconds>(lost)) +
             " for each million users (edge_timeout + edge_grace + 500ms,");
    out.line("#                                       edge_lost_rate)");
    out.line("#   an edge is cut off and comes back   " +
             format_duration(p.edge_timeout + p.edge_grace) + " (edge_timeout + edge_grace)");
    out.line("#   an edge comes and goes              " + format_duration(freeze) +
             " (freeze_max, of an hour)");
    out.line("# Never earlier, in any of these cases.");
}

// Where the secrets are, never what they are.
void write_webhook(Writer& out, const WebhookConfig& w) {
    out.text("url", w.url);
    if (!w.secret_file.empty()) out.text("secret_file", w.secret_file);
    if (!w.secret_env.empty()) out.text("secret_env", w.secret_env);
    out.text("timeout", format_duration(w.timeout));
    out.text("connect_timeout", format_duration(w.connect_timeout));
    out.line("batch_max = " + std::to_string(w.batch_max));
    out.line(std::string("allow_private = ") + (w.allow_private ? "true" : "false"));
    out.line(std::string("allow_plaintext = ") + (w.allow_plaintext ? "true" : "false"));
    if (!w.proxy.empty()) out.text("proxy", w.proxy);
    if (!w.ca_file.empty()) out.text("ca_file", w.ca_file);
}

void write_sink(Writer& out, const SinkConfig& s) {
    out.table("sink");
    out.text("name", s.name);
    out.text("notifier", s.notifier);
    out.text("type", s.type);
    if (s.type == "stdout") out.text("format", s.format);
    if (s.type == "jsonl") out.text("path", s.path);
    if (s.type == "exec") {
        std::string list;
        for (const auto& argument : s.command)
            list += (list.empty() ? "" : ", ") + quoted(argument);
        out.line("command = [" + list + "]");
        out.line(std::string("acknowledge = ") + (s.acknowledge ? "true" : "false"));
        if (s.acknowledge) out.text("timeout", format_duration(s.webhook.timeout));
    }
    if (s.type == "webhook") write_webhook(out, s.webhook);
    out.text("mode", s.mode);
    out.line("queue_max = " + std::to_string(s.queue_max));
    if (s.type == "stdout") return;
    out.line("attempts_max = " + std::to_string(s.attempts_max));
    out.line("dead_max = " + std::to_string(s.dead_max));
}

}  // namespace

std::string print_config(const Config& config) {
    Writer out;
    write_lateness(out, config.presence);
    out.line("\n[presence]");
    for (const auto& setting : presence_settings()) {
        const std::string value = text_of(setting, config.presence);
        const bool bare = std::holds_alternative<std::uint64_t PresenceConfig::*>(setting.member) ||
                          std::holds_alternative<bool PresenceConfig::*>(setting.member);
        out.line("# " + std::string(setting.help));
        out.line(std::string(setting.key) + " = " + (bare ? value : quoted(value)));
    }
    for (const auto& c : config.collectors) {
        out.table("collector");
        out.text("id", c.id);
        out.text("heartbeats", c.heartbeats);
        out.bind("heartbeats_bind", c.heartbeats_bind, c.heartbeats);
    }
    for (const auto& t : config.trackers) {
        out.table("tracker");
        out.text("id", t.id);
        out.text("ingest", t.ingest);
        out.bind("ingest_bind", t.ingest_bind, t.ingest);
        out.text("events", t.events);
        out.bind("events_bind", t.events_bind, t.events);
        out.text("query", t.query);
        out.bind("query_bind", t.query_bind, t.query);
        out.text("data", t.data);
    }
    for (const auto& n : config.notifiers) {
        out.table("notifier");
        out.text("id", n.id);
        out.text("data", n.data);
    }
    for (const auto& s : config.sinks)
        write_sink(out, s);
    return out.take();
}

}  // namespace presence
