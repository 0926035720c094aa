#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/config/config.hpp"
#include "common/config/document.hpp"

// The steps of load_config; nobody else needs them.
namespace presence {

// One thing that is wrong with a file, and where.
struct ConfigFault : ConfigError {
    int line;           // 0: of no line
    std::string table;  // "tracker/0", "presence"
    ConfigFault(const std::string& what, int at, std::string in)
        : ConfigError(what), line(at), table(std::move(in)) {}
};

// Where a value stands, so that a check that fails later can say it: "tracker/0/ingest" -> 12.
struct ConfigOrigin {
    std::string file;
    std::map<std::string, int> lines;

    [[nodiscard]] bool names(const std::string& place) const { return lines.count(place) > 0; }

    // Throws ConfigFault "FILE:LINE: message", of the nearest enclosing place that has a line.
    [[noreturn]] void fail(const std::string& place, const std::string& message) const;

    // Does one step of reading or checking; what is wrong with it does not keep the next ones from
    // being done.
    template <class Step>
    void gather(Step&& step) const {
        try {
            step();
        } catch (const ConfigFault& fault) {
            faults.push_back(fault);
        }
    }
    // Throws ConfigError with all that was gathered, one a line, in the order of the file.
    void throw_gathered() const;

    mutable std::vector<ConfigFault> faults{};
};

// Only what stands in the file; absent lists stay empty, absent values keep their defaults.
[[nodiscard]] Config read_config(const ConfigNode& top, ConfigOrigin& origin);

// Fills in what depends on other values: ids and endpoints by position, binds, names, notifiers;
// and the parts of default_config() of which there is none.
void complete_config(Config& config, const ConfigOrigin& origin);

// Everything that one value alone cannot tell: unique ids and endpoints, binds, hashes, references.
// Throws ConfigError with all that is wrong, what was gathered before among it.
void check_config(const Config& config, const ConfigOrigin& origin);
// Of it, what concerns the sink at `place`, of one type.
void check_webhook(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin);
void check_redis(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin);
void check_postgres(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin);
void check_kafka(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin);
void check_nats(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin);
// That its password stands in a file of its own.
void check_password(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin);

}  // namespace presence
