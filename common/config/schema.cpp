#include "common/config/schema.hpp"

#include <algorithm>
#include <array>

#include "common/limits.hpp"

namespace presence {
namespace {

using At = Setting::At;
using Settings = std::vector<Setting>;

constexpr Duration kTtlMin = std::chrono::milliseconds{kTtlMinMs};
constexpr Duration kTtlMax = std::chrono::milliseconds{kTtlMaxMs};
constexpr Duration kLingerMax = std::chrono::milliseconds{kLingerMaxMs};
constexpr std::int64_t kExactInJson = (std::int64_t{1} << 53) - 1;
constexpr std::int64_t kMany = 1'000'000'000;
constexpr std::int64_t kTebibyte = std::int64_t{1} << 40;

template <class Value>
Place place_of(Value& value) {
    if constexpr (std::is_enum_v<Value>)
        return Choice{reinterpret_cast<std::uint8_t*>(&value), kWords<Value>};
    else
        return &value;
}

template <class Table, class Value>
Value& member_of(void* table, Value Table::*member) {
    return static_cast<Table*>(table)->*member;
}

// at<&SinkConfig::webhook, &WebhookConfig::url>
template <auto First, auto... Rest>
Place at(void* table) {
    return place_of((member_of(table, First).*....*Rest));
}

using Text = std::string_view;

Setting text(Text key, At at, Text help) {
    return {.key = key, .at = at, .value_name = "TEXT", .help = help};
}
Setting name(Text key, At at, Text help) {
    return {.key = key, .at = at, .value_name = "NAME", .help = help, .rule = TextRule::name};
}
Setting id(Text key, At at, Text help) {
    return {.key = key, .at = at, .value_name = "ID", .help = help, .rule = TextRule::id};
}
Setting directory(Text key, At at, Text help) {
    return {.key = key, .at = at, .value_name = "DIRECTORY", .help = help, .rule = TextRule::path};
}
Setting endpoint(Text key, At at, Text help, At same_as = nullptr) {
    return {.key = key, .at = at, .value_name = "ENDPOINT", .help = help, .follows = same_as};
}
Setting choice(Text key, At at, Text value_name, Text help) {
    return {.key = key, .at = at, .value_name = value_name, .help = help};
}
Setting flag(Text key, At at, Text help) {
    return {.key = key, .at = at, .value_name = "BOOL", .help = help};
}
Setting number(Text key, At at, std::int64_t low, std::int64_t high, Text help, Text unit = "N") {
    return {.key = key, .at = at, .value_name = unit, .help = help, .low = low, .high = high};
}
Setting bytes(Text key, At at, std::int64_t low, std::int64_t high, Text help) {
    return number(key, at, low, high, help, "BYTES");
}
Setting duration(Text key, At at, Duration low, Duration high, Text help) {
    return number(key, at, low.count(), high.count(), help, "DURATION");
}
Setting or_zero(Setting setting) {
    setting.zero_allowed = true;
    return setting;
}
Setting used_if(bool (*used)(const SinkConfig&), Setting setting) {
    setting.used = used;
    return setting;
}
Settings only(std::vector<SinkType> types, Settings settings) {
    for (auto& setting : settings)
        setting.types = types;
    return settings;
}
Settings printed_last(Settings settings) {
    for (auto& setting : settings)
        setting.printed_last = true;
    return settings;
}
Settings joined(std::initializer_list<Settings> parts) {
    Settings all;
    for (const auto& part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

Settings of_presence() {
    using P = PresenceConfig;
    return {
        name("cluster", at<&P::cluster>,
             "name of this installation; frames of another are refused"),
        duration("timeout", at<&P::timeout>, kTtlMin, kTtlMax, "silence before a user is offline"),
        duration("linger", at<&P::linger>, 0s, kLingerMax,
                 "how long a user who says bye may be back before anybody is told"),
        or_zero(
            duration("collector_grace", at<&P::collector_grace>, kTtlMin, kTtlMax,
                     "how long a silent collector holds back timeouts; 0s: the same as timeout")),
        or_zero(duration("freeze_max", at<&P::freeze_max>, kTtlMin, 2 * kTtlMax,
                         "how long timeouts wait for evidence that is missing; 0s: 10m, or twice "
                         "collector_grace if that is longer")),
        duration("edge_timeout", at<&P::edge_timeout>, 1500ms, kTtlMax,
                 "silence of an edge that names itself, from which on its users are held"),
        duration("edge_grace", at<&P::edge_grace>, 0s, kTtlMax,
                 "how long they are held for it to come back, or they elsewhere"),
        number("edge_lost_rate", at<&P::edge_lost_rate>, 1, kMany,
               "of whom so many a second are told offline after that, at most"),
        number("users_max", at<&P::users_max>, 1, kMany, "users a tracker keeps at most"),
        bytes("resend_bytes_max", at<&P::resend_bytes_max>, 2 * std::int64_t{kFrameBytesMax},
              kTebibyte, "unacknowledged frames a collector keeps for each tracker"),
        number("backlog_max", at<&P::backlog_max>, 0, kMany,
               "sessions a collector keeps for a tracker that is away"),
        number("map_version", at<&P::map_version>, 1, kExactInJson,
               "version of the list of trackers; raise it with each change"),
        choice("durability", at<&P::durability>, "LEVEL",
               "what a tracker's journal survives: a killed process, a loss of power, or nothing"),
        bytes("journal_bytes_max", at<&P::journal_bytes_max>, 1 << 20, kTebibyte,
              "batches a tracker keeps for followers that were away"),
        duration("journal_age_max", at<&P::journal_age_max>, 1min, 365 * 24h,
                 "how long it keeps them"),
        directory("data_root", at<&P::data_root>,
                  "where relative data paths begin; empty: in the working directory"),
        choice("on_start", at<&P::on_start>, "WHAT",
               "users of an earlier run: go on as if it had not ended, or are told offline"),
        choice("on_shutdown", at<&P::on_shutdown>, "WHAT",
               "users when a tracker is asked to end: nothing is told, or they are told offline"),
        choice("log_level", at<&P::log_level>, "LEVEL", "least level that is logged"),
        choice("log_format", at<&P::log_format>, "FORMAT", "form of a log line"),
        flag("allow_plaintext", at<&P::allow_plaintext>, "bind beyond loopback without encryption"),
    };
}

Settings of_collector() {
    using C = CollectorConfig;
    return {
        id("id", at<&C::id>, "name of the process; c1, c2 ... by position"),
        endpoint("heartbeats", at<&C::heartbeats>, "where edges connect to"),
        endpoint("heartbeats_bind", at<&C::heartbeats_bind>, "what it binds for them",
                 at<&C::heartbeats>),
    };
}

Settings of_tracker() {
    using T = TrackerConfig;
    return {
        id("id", at<&T::id>, "name of the process; t1, t2 ... by position"),
        endpoint("ingest", at<&T::ingest>, "where collectors connect to"),
        endpoint("events", at<&T::events>, "where subscribers connect to"),
        endpoint("query", at<&T::query>, "where questions go to"),
        endpoint("ingest_bind", at<&T::ingest_bind>, "what it binds for them", at<&T::ingest>),
        endpoint("events_bind", at<&T::events_bind>, "what it binds for them", at<&T::events>),
        endpoint("query_bind", at<&T::query_bind>, "what it binds for them", at<&T::query>),
        text("data", at<&T::data>, "directory of its journal; data/ID"),
    };
}

Settings of_notifier() {
    using N = NotifierConfig;
    return {
        id("id", at<&N::id>, "name of the process; n1, n2 ... by position"),
        endpoint("query", at<&N::query>, "where it is asked how its sinks are; none: nowhere"),
        endpoint("query_bind", at<&N::query_bind>, "what it binds for that", at<&N::query>),
        text("data", at<&N::data>, "directory of what its sinks were told; data/ID"),
    };
}

bool asks_in_time(const SinkConfig& sink) {
    return sink.type != SinkType::exec || sink.acknowledge;
}

Settings of_sink() {
    using S = SinkConfig;
    using W = WebhookConfig;
    using R = RedisConfig;
    using P = PostgresConfig;
    using N = NatsConfig;
    using K = KafkaConfig;
    constexpr auto hook = &S::webhook;
    constexpr auto at_redis = &S::redis;
    constexpr auto at_postgres = &S::postgres;
    constexpr auto at_nats = &S::nats;
    constexpr auto at_kafka = &S::kafka;
    using enum SinkType;
    const std::vector kept{jsonl, exec, webhook, redis, postgres, nats, kafka};
    return joined({
        {id("name", at<&S::name>, "its name; the same as its type"),
         text("notifier", at<&S::notifier>, "whose sink it is; the only one's"),
         choice("type", at<&S::type>, "TYPE", "what becomes of events")},
        only({standard_output}, {choice("format", at<&S::format>, "FORMAT", "form of a line")}),
        only({jsonl}, {text("path", at<&S::path>, "the file that is appended to")}),
        only({exec},
             {text("command", at<&S::command>, "program and arguments"),
              flag("acknowledge", at<&S::acknowledge>, "taken is what the program says it is")}),
        printed_last(
            {text("user_prefix", at<&S::user_prefix>,
                  "whose ids begin with it, they alone are told of"),
             choice("mode", at<&S::mode>, "MODE", "of what waits, all or the newest of each user"),
             number("queue_max", at<&S::queue_max>, 1, 100'000'000, "events that wait")}),
        printed_last(only({standard_output, jsonl, exec, webhook, kafka, nats},
                          {text("states", at<&S::states>, "online, offline: told are these alone"),
                           text("reasons", at<&S::reasons>, "told are these, and reconcile"),
                           or_zero(duration("delay", at<&S::delay>, 100ms, 24h,
                                            "how long a user is offline before it is told"))})),
        printed_last(
            only(kept, {or_zero(duration("give_up_after", at<&S::give_up_after>, 1s, 365 * 24h,
                                         "then an event that fails alone becomes a dead letter; "
                                         "0s: never")),
                        number("attempts_max", at<&S::attempts_max>, 0, 1'000'000,
                               "deprecated: then events become dead letters; 0: never"),
                        number("dead_max", at<&S::dead_max>, 1, 10'000'000, "dead letters kept")})),
        only({webhook, redis, nats},
             {text("url", at<&S::url>,
                   "where batches are posted; redis: redis://HOST:PORT/DB, unix:///PATH; nats: "
                   "nats://HOST:PORT, tls://HOST:PORT")}),
        only({redis, nats},
             {text("user", at<&S::user>, "who it says it is; none: the default user")}),
        only({redis, postgres, nats},
             {text("password", nullptr, "refused: it would travel wherever the file does"),
              text("password_file", at<&S::password_file>, "file with the password alone")}),
        only({nats}, {text("subject", at<at_nats, &N::subject>,
                           "where an event goes; {user}, {slot} and {state} stand for the event's"),
                      flag("jetstream", at<at_nats, &N::jetstream>,
                           "taken is what a stream has acknowledged")}),
        only({kafka},
             {text("brokers", at<at_kafka, &K::brokers>, "HOST:PORT of some, with commas between"),
              text("topic", at<at_kafka, &K::topic>, "to which events are produced"),
              text("settings_file", at<at_kafka, &K::settings_file>,
                   "NAME=VALUE lines by librdkafka's names, secrets among them")}),
        only({redis},
             {text("prefix", at<at_redis, &R::prefix>, "what the keys begin with"),
              or_zero(duration("offline_ttl", at<at_redis, &R::offline_ttl>, 1min, 3650 * 24h,
                               "how long users who are offline are remembered; 0s: for ever")),
              text("publish", at<at_redis, &R::publish>, "channel to which events are published"),
              text("stream", at<at_redis, &R::stream>, "stream to which events are added"),
              number("stream_max", at<at_redis, &R::stream_max>, 1, kMany,
                     "events that the stream holds, about")}),
        only({postgres},
             {text("dsn", at<at_postgres, &P::dsn>, "server, user, database, as libpq takes it"),
              text("table", at<at_postgres, &P::table>, "[SCHEMA.]NAME of who is online"),
              text("history", at<at_postgres, &P::history>,
                   "[SCHEMA.]NAME to which events are added; none: they are not"),
              or_zero(duration("history_max", at<at_postgres, &P::history_max>, 24h, 3650 * 24h,
                               "how long it keeps events; 0s: for ever")),
              flag("create", at<at_postgres, &P::create>, "make what is missing there")}),
        only({webhook},
             {text("secret", nullptr, "refused: it would travel wherever the file does"),
              text("secret_file", at<hook, &W::secret_file>, "secrets, the newest first"),
              text("secret_env", at<hook, &W::secret_env>, "or the variable that holds them")}),
        only({exec, webhook, redis, postgres, nats, kafka},
             {used_if(asks_in_time, duration("timeout", at<&S::timeout>, 100ms, 10min,
                                             "of a request as a whole; exec: of an "
                                             "acknowledgement; redis, postgres, nats, kafka: of "
                                             "an answer"))}),
        only({webhook},
             {duration("connect_timeout", at<hook, &W::connect_timeout>, 100ms, 10min,
                       "of that, at most, to connect"),
              number("batch_max", at<hook, &W::batch_max>, 1, 5'000, "events in a request"),
              flag("allow_private", at<hook, &W::allow_private>, "post beside the internet"),
              flag("allow_plaintext", at<hook, &W::allow_plaintext>, "http:// beyond loopback"),
              text("proxy", at<hook, &W::proxy>, "through which requests go")}),
        only({webhook, nats},
             {text("ca_file", at<&S::ca_file>, "authorities, in place of the system's")}),
    });
}

template <auto List>
TableSchema list_of(Text table_name, Settings settings) {
    return {table_name, true, std::move(settings),
            [](Config& config) -> void* { return &(config.*List).emplace_back(); },
            [](const Config& config) {
                std::vector<const void*> tables;
                for (const auto& table : config.*List)
                    tables.push_back(&table);
                return tables;
            }};
}

}  // namespace

bool Setting::is_of(SinkType type) const {
    return types.empty() || std::ranges::find(types, type) != types.end();
}

std::string TableSchema::title() const {
    return list ? "[[" + std::string(name) + "]]" : "[" + std::string(name) + "]";
}

std::span<const TableSchema> schema() {
    static const std::array tables{
        TableSchema{
            "presence", false, of_presence(),
            [](Config& config) -> void* { return &config.presence; },
            [](const Config& config) { return std::vector<const void*>{&config.presence}; }},
        list_of<&Config::collectors>("collector", of_collector()),
        list_of<&Config::trackers>("tracker", of_tracker()),
        list_of<&Config::notifiers>("notifier", of_notifier()),
        list_of<&Config::sinks>("sink", of_sink())};
    return tables;
}

const TableSchema* find_table(std::string_view name) {
    for (const auto& table : schema())
        if (table.name == name) return &table;
    return nullptr;
}

const TableSchema& presence_schema() {
    return schema().front();
}

const Setting* find_setting(const TableSchema& table, std::string_view key) {
    for (const auto& setting : table.settings)
        if (setting.key == key) return &setting;
    return nullptr;
}

std::vector<std::string_view> TableSchema::keys() const {
    std::vector<std::string_view> keys;
    for (const auto& setting : settings)
        keys.push_back(setting.key);
    return keys;
}

std::vector<std::string> ids_of(const Config& config, ProcessKind kind) {
    std::vector<std::string> ids;
    const auto& table = *find_table(word_of(kind));
    for (const auto* one : table.all(config))
        ids.push_back(text_of(table.settings.front(), one));
    return ids;
}

}  // namespace presence
