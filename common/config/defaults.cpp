#include "common/config/read.hpp"

namespace presence {
namespace {

constexpr std::size_t kCollectorsByDefaultMax = 10;  // ports 7400 to 7409
constexpr std::size_t kTrackersByDefaultMax = 100;   // ports 7410 to 8402

std::string local(std::size_t port) {
    return "tcp://127.0.0.1:" + std::to_string(port);
}

void keep_or(std::string& value, const std::string& fallback) {
    if (value.empty()) value = fallback;
}

std::string id_at(const char* letter, std::size_t index) {
    return letter + std::to_string(index + 1);
}

void complete(CollectorConfig& c, std::size_t index, const ConfigOrigin& origin) {
    keep_or(c.id, id_at("c", index));
    if (c.heartbeats.empty() && index >= kCollectorsByDefaultMax)
        origin.fail("collector/" + std::to_string(index),
                    "`heartbeats` is missing: only the first " +
                        std::to_string(kCollectorsByDefaultMax) +
                        " collectors have a default, ports 7400 to 7409");
    keep_or(c.heartbeats, local(7400 + index));
    keep_or(c.heartbeats_bind, c.heartbeats);
}

void complete(TrackerConfig& t, std::size_t index, const ConfigOrigin& origin) {
    keep_or(t.id, id_at("t", index));
    if (index >= kTrackersByDefaultMax && (t.ingest.empty() || t.events.empty() || t.query.empty()))
        origin.fail("tracker/" + std::to_string(index),
                    "`ingest`, `events` or `query` is missing: only the first " +
                        std::to_string(kTrackersByDefaultMax) + " trackers have defaults");
    keep_or(t.ingest, local(7410 + 10 * index));
    keep_or(t.events, local(7411 + 10 * index));
    keep_or(t.query, local(7412 + 10 * index));
    keep_or(t.ingest_bind, t.ingest);
    keep_or(t.events_bind, t.events);
    keep_or(t.query_bind, t.query);
    keep_or(t.data, "data/" + t.id);
}

}  // namespace

void complete_config(Config& config, const ConfigOrigin& origin) {
    config.defaulted = {config.collectors.empty(), config.trackers.empty(),
                        config.notifiers.empty(), config.sinks.empty()};
    if (config.collectors.empty()) config.collectors.emplace_back();
    if (config.trackers.empty() && config.presence.map_version > 1)
        origin.fail("presence/map_version",
                    "`map_version` = " + std::to_string(config.presence.map_version) +
                        " is the version of a list of trackers, and there is no [[tracker]]: was "
                        "the file cut short?");
    if (config.trackers.empty()) config.trackers.emplace_back();
    if (config.notifiers.empty()) config.notifiers.emplace_back();
    if (config.sinks.empty()) {
        SinkConfig sink;
        sink.type = SinkType::standard_output;
        sink.format = SinkFormat::text;
        config.sinks.push_back(sink);
    }
    for (std::size_t i = 0; i < config.collectors.size(); ++i)
        origin.gather([&] { complete(config.collectors[i], i, origin); });
    for (std::size_t i = 0; i < config.trackers.size(); ++i)
        origin.gather([&] { complete(config.trackers[i], i, origin); });
    for (std::size_t i = 0; i < config.notifiers.size(); ++i) {
        auto& notifier = config.notifiers[i];
        keep_or(notifier.id, id_at("n", i));
        keep_or(notifier.data, "data/" + notifier.id);
        keep_or(notifier.query_bind, notifier.query);
    }
    for (auto& sink : config.sinks) {
        keep_or(sink.name, std::string(word_of(sink.type)));
        if (config.notifiers.size() == 1) keep_or(sink.notifier, config.notifiers[0].id);
    }
}

Config default_config(std::size_t collectors, std::size_t trackers) {
    if (collectors < 1 || collectors > kCollectorsByDefaultMax)
        throw ConfigError("the built-in configuration has 1 to " +
                          std::to_string(kCollectorsByDefaultMax) +
                          " collectors; for more write a file");
    if (trackers < 1 || trackers > kTrackersByDefaultMax)
        throw ConfigError("the built-in configuration has 1 to " +
                          std::to_string(kTrackersByDefaultMax) +
                          " trackers; for more write a file");
    Config config;
    config.collectors.resize(collectors);
    config.trackers.resize(trackers);
    config.notifiers.resize(1);
    config.notifiers[0].query = local(7360);
    const ConfigOrigin built_in;
    complete_config(config, built_in);
    check_config(config, built_in);
    return config;
}

}  // namespace presence
