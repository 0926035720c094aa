#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/choices.hpp"
#include "common/config/file.hpp"
#include "common/slots.hpp"
#include "common/time.hpp"

// The whole configuration, as plain values. Every field has a default; a default Config is a
// pipeline on this machine. Semantics and trade-offs of each setting: docs/configuration.md.
namespace presence {

// What is wrong, in one line for a person: "FILE:LINE: unknown key `timeuot` in [presence]; did
// you mean `timeout`?". Leads to exit code 78 (EX_CONFIG).
struct ConfigError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// The same of a value that a flag gave, as "--timeout must be ...". Leads to exit code 64.
struct FlagError : ConfigError {
    using ConfigError::ConfigError;
};

struct PresenceConfig {
    std::string cluster = "main";
    Duration timeout = 30s;                // a heartbeat's ttl where it names none
    Duration linger{0};                    // how long a session outlives its bye
    Duration collector_grace{0};           // 0: the same as timeout
    Duration freeze_max{0};                // 0: 10 min, or twice the grace if that is longer
    Duration edge_timeout = 3s;            // silence of an edge that is none
    Duration edge_grace = 30s;             // how long its users are held then
    std::uint64_t edge_lost_rate = 5'000;  // of whom so many a second are told offline after that
    std::uint64_t users_max = 20'000'000;  // per tracker
    std::uint64_t resend_bytes_max =
        64ull << 20;  // per collector and tracker: frames kept until acknowledged
    std::uint64_t backlog_max =
        1'000'000;  // per collector and tracker: sessions kept while it is away
    std::uint64_t map_version = 1;
    LogLevel log_level = LogLevel::info;
    LogFormat log_format = LogFormat::logfmt;
    Durability durability = Durability::process;
    std::uint64_t journal_bytes_max = 1ull << 30;
    Duration journal_age_max = 24h;
    std::string data_root;  // where relative data paths begin; empty: working directory
    OnStart on_start = OnStart::resume;
    OnShutdown on_shutdown = OnShutdown::hold;
    bool allow_plaintext = false;  // bind beyond loopback without encryption

    [[nodiscard]] Duration collector_grace_or_timeout() const {
        return collector_grace.count() > 0 ? collector_grace : timeout;
    }
    [[nodiscard]] Duration freeze_max_or_default() const {
        return freeze_max.count() > 0 ? freeze_max
                                      : std::max<Duration>(10min, 2 * collector_grace_or_timeout());
    }
};

struct CollectorConfig {
    std::string id;
    std::string heartbeats;
    std::string heartbeats_bind;  // defaults to heartbeats
};

struct TrackerConfig {
    std::string id;
    std::string ingest, events, query;
    std::string ingest_bind, events_bind, query_bind;  // default to the above
    std::string data;
};

struct NotifierConfig {
    std::string id;
    std::string data;
    std::string query;       // empty: it answers nobody
    std::string query_bind;  // defaults to query
};

struct WebhookConfig {
    std::string secret_file;        // one secret a line, the newest first
    std::string secret_env;         // or the environment variable that holds them
    Duration connect_timeout = 5s;  // of the timeout, at most
    std::uint64_t batch_max = 100;  // events in a request
    bool allow_private = false;     // targets that are not on the public internet
    bool allow_plaintext = false;   // http:// beyond loopback
    std::string proxy;
};

struct RedisConfig {
    std::string prefix = "presence:";  // of all keys
    Duration offline_ttl = 30 * 24h;   // how long a user who is offline is remembered; 0: for ever
    std::string publish;               // channel; empty: none
    std::string stream;                // key; empty: none
    std::uint64_t stream_max = 100'000;
};

struct PostgresConfig {
    std::string dsn;                  // of libpq, without a password
    std::string table = "presence";   // [SCHEMA.]NAME; beside it NAME_sinks and NAME_now
    std::string history;              // [SCHEMA.]NAME; empty: none
    Duration history_max = 30 * 24h;  // how long its events are kept; 0: for ever
    bool create = true;               // what is missing there is created
};

struct NatsConfig {
    std::string subject = "presence.{user}";  // see NatsSubject
    bool jetstream = false;                   // taken is what a stream has acknowledged
};

struct KafkaConfig {
    std::string brokers;  // "HOST:PORT,HOST:PORT"
    std::string topic = "presence";
    std::string settings_file;  // librdkafka's own, which may be secret; read at each new producer
};

struct SinkConfig {
    std::string name;
    std::string notifier;  // default: the only one
    SinkType type = SinkType::unset;
    SinkFormat format = SinkFormat::json;
    std::string path;                  // jsonl
    std::vector<std::string> command;  // exec: program and arguments
    bool acknowledge = false;          // exec: taken is what the program says it has handled
    std::string url;                   // where the place is
    Duration timeout = 20s;            // of a request as a whole, an answer, an acknowledgement
    std::string user;                  // who the place is told we are
    std::string password_file;         // read at each connection
    std::string ca_file;               // authorities, in place of the system's
    WebhookConfig webhook;
    RedisConfig redis;
    PostgresConfig postgres;
    NatsConfig nats;
    KafkaConfig kafka;
    std::string user_prefix;           // ids of users that it is told of begin so
    std::vector<std::string> states;   // of what happens it is told these; none: all
    std::vector<std::string> reasons;  // so too
    Duration delay{0};                 // how long a user is offline before it is told
    SinkMode mode = SinkMode::every;
    std::uint64_t queue_max = 100'000;  // events waiting; beyond, they are replayed later
    Duration give_up_after{0};          // of an event that fails alone; 0: never
    std::uint64_t attempts_max = 0;     // deprecated: then events become dead letters; 0: never
    std::uint64_t dead_max = 100'000;   // dead letters kept; beyond, nothing is given up
};

struct Config {
    std::string file;  // where it was read from; empty: built in
    PresenceConfig presence;
    std::vector<CollectorConfig> collectors;
    std::vector<TrackerConfig> trackers;
    std::vector<NotifierConfig> notifiers;
    std::vector<SinkConfig> sinks;
    // Of which kinds the file has no table, so that there is one by default.
    struct Defaulted {
        bool collector = false, tracker = false, notifier = false, sink = false;
    };
    Defaulted defaulted;
    // A setting of [presence] that environment or flags made another than file and defaults do.
    struct Override {
        std::string_view key;
        std::string by;       // "PRESENCE_TIMEOUT", "--timeout"
        std::string without;  // its value then, as the file would have it
    };
    std::vector<Override> overrides;
    std::vector<std::string> warnings;  // what was ignored, for the log; not printed as TOML

    // The list of trackers of a newer file, and its version.
    void take_trackers(const Config& newer) {
        trackers = newer.trackers;
        presence.map_version = newer.presence.map_version;
    }
};

// c1 at 7400, t1 at 7410..7412, n1 at 7360 with a stdout sink in text form, all on 127.0.0.1. More
// collectors take 7401, ... (7409 the last); tracker k takes 7410+10k .. 7412+10k.
[[nodiscard]] Config default_config(std::size_t collectors = 1, std::size_t trackers = 1);

// Reads, checks and completes a file: strict keys, types, ranges, unique ids and endpoints,
// trackers' 10-bit hashes apart, `notifier` of each sink known, binds beyond loopback only with
// allow_plaintext. Then `environment` (PRESENCE_<KEY> for scalars of [presence]), then `flags` (key
// to text, same keys); what they change stands in `overrides`. Throws ConfigError. An absent file
// name means default_config(). A PRESENCE_* variable that is no setting is refused if its name is
// near one, else a warning. Relative data paths are completed by data_root. What is wrong with
// `flags` is a FlagError.
[[nodiscard]] Config load_config(const std::optional<std::string>& file,
                                 const std::map<std::string, std::string>& environment,
                                 const std::map<std::string, std::string>& flags,
                                 FileKind kind = FileKind::any);

// Which tracker owns which slot, as the configuration has it.
[[nodiscard]] SlotMap slot_map_of(const Config& config);

// The effective configuration as TOML that load_config reads back to the same values.
[[nodiscard]] std::string print_config(const Config& config);

// "timeout by --timeout, map_version by PRESENCE_MAP_VERSION"; empty: nothing but the file counts.
[[nodiscard]] std::string overrides_of(const Config& config);

// Where what a sink was told is kept; empty: it is not. Requires: load_config accepted it.
[[nodiscard]] std::string directory_of(const Config& config, const SinkConfig& sink);

// "30s", "500ms", "2m", "1h" to a Duration and back. Nothing for anything else, negatives and
// overflow.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);
[[nodiscard]] std::string format_duration(Duration d);

}  // namespace presence
