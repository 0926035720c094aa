#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "common/config/built_in.hpp"
#include "common/config/read.hpp"

using namespace presence;

namespace {

Config reread(const std::string& text) {
    ConfigOrigin origin{"printed", {}};
    Config config = read_config(parse_toml(text, "printed"), origin);
    complete_config(config, origin);
    check_config(config, origin);
    return config;
}

// All that print_config promises to keep, in a form that two configs can be compared by.
std::vector<std::string> flat(const Config& c) {
    const auto& p = c.presence;
    std::vector<std::string> out{p.cluster,
                                 format_duration(p.timeout),
                                 format_duration(p.collector_grace),
                                 format_duration(p.freeze_max),
                                 format_duration(p.edge_timeout),
                                 format_duration(p.edge_grace),
                                 std::to_string(p.edge_lost_rate),
                                 std::to_string(p.users_max),
                                 std::to_string(p.resend_bytes_max),
                                 std::to_string(p.backlog_max),
                                 std::to_string(p.map_version),
                                 std::string(word_of(p.durability)),
                                 std::to_string(p.journal_bytes_max),
                                 format_duration(p.journal_age_max),
                                 std::string(word_of(p.on_start)),
                                 std::string(word_of(p.on_shutdown)),
                                 std::string(word_of(p.log_level)),
                                 std::string(word_of(p.log_format)),
                                 std::to_string(p.allow_plaintext)};
    for (const auto& x : c.collectors)
        out.insert(out.end(), {"collector", x.id, x.heartbeats, x.heartbeats_bind});
    for (const auto& x : c.trackers)
        out.insert(out.end(), {"tracker", x.id, x.ingest, x.events, x.query, x.ingest_bind,
                               x.events_bind, x.query_bind, x.data});
    for (const auto& x : c.notifiers)
        out.insert(out.end(), {"notifier", x.id, x.data, x.query, x.query_bind});
    for (const auto& x : c.sinks) {
        out.insert(out.end(),
                   {"sink", x.name, x.notifier, std::string(word_of(x.type)),
                    std::string(word_of(x.format)), x.path, x.url, x.password_file,
                    format_duration(x.timeout), std::to_string(x.queue_max),
                    std::to_string(x.attempts_max), std::to_string(x.dead_max),
                    format_duration(x.give_up_after), x.user_prefix, format_duration(x.delay)});
        for (const auto* words : {&x.states, &x.reasons})
            out.insert(out.end(), words->begin(), words->end());
        out.insert(out.end(), x.command.begin(), x.command.end());
        const auto& w = x.webhook;
        out.insert(out.end(), {w.secret_file, w.secret_env, format_duration(w.connect_timeout),
                               std::to_string(w.batch_max), std::to_string(w.allow_private),
                               std::to_string(w.allow_plaintext), w.proxy});
        const auto& r = x.redis;
        out.insert(out.end(), {r.prefix, format_duration(r.offline_ttl), r.publish, r.stream,
                               std::to_string(r.stream_max)});
        out.insert(out.end(),
                   {x.user, x.password_file, x.ca_file, x.nats.subject, x.kafka.brokers,
                    x.kafka.topic, x.kafka.settings_file, std::to_string(x.nats.jetstream)});
        const auto& pg = x.postgres;
        out.insert(out.end(), {pg.dsn, pg.table, pg.history, format_duration(pg.history_max),
                               std::to_string(pg.create)});
    }
    return out;
}

// Characters that a careless writer of TOML gets wrong.
std::string awkward_text() {
    static const std::vector<std::string> pieces{"a",    "\"", "\\", "\n", "\t",      "\x01",
                                                 "\x7f", "'",  "#",  "=",  "\\u0041", "é",
                                                 "日",   "[[", "]]", " ",  "$"};
    std::string out = "x";
    for (const auto i : *rc::gen::container<std::vector<std::size_t>>(
             rc::gen::inRange<std::size_t>(0, pieces.size())))
        out += pieces[i];
    return out;
}

WebhookConfig any_webhook() {
    WebhookConfig w;
    if (*rc::gen::arbitrary<bool>())
        w.secret_file = awkward_text();
    else
        w.secret_env = "HOOK_SECRET";
    w.connect_timeout = *rc::gen::inRange(100, 600'001) * 1ms;
    w.batch_max = *rc::gen::inRange<std::uint64_t>(1, 5'001);
    w.allow_private = true;
    w.allow_plaintext = *rc::gen::arbitrary<bool>();
    w.proxy = *rc::gen::element<std::string>("", "http://proxy:3128");
    return w;
}

RedisConfig any_redis() {
    RedisConfig r;
    r.prefix = awkward_text();
    r.offline_ttl = *rc::gen::inRange(60, 86'400) * 1s;
    r.publish = *rc::gen::element<std::string>("", "presence:changes");
    r.stream = *rc::gen::element<std::string>("", "presence:log");
    if (!r.stream.empty()) r.stream_max = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
    return r;
}

PostgresConfig any_postgres() {
    PostgresConfig p;
    p.dsn = *rc::gen::element<std::string>("postgresql://u@h,i:5433/app?sslmode=require",
                                           "host='/a b' dbname=app");
    p.table = *rc::gen::element<std::string>("presence", "app.who");
    p.history = *rc::gen::element<std::string>("", "app.who_log");
    p.history_max = *rc::gen::element<Duration>(0s, 24h, 30 * 24h);
    p.create = *rc::gen::arbitrary<bool>();
    return p;
}

using Words = std::vector<std::string>;

void set_login(SinkConfig& s) {
    s.password_file = *rc::gen::element<std::string>("", "place.password");
    if (!s.password_file.empty()) s.user = *rc::gen::element<std::string>("", "presence");
}

SinkConfig any_sink(std::size_t index, const std::string& notifier) {
    SinkConfig s;
    s.name = "s" + std::to_string(index);
    s.notifier = notifier;
    s.type =
        *rc::gen::suchThat(rc::gen::element(SinkType::standard_output, SinkType::jsonl,
                                            SinkType::exec, SinkType::webhook, SinkType::redis,
                                            SinkType::postgres, SinkType::nats, SinkType::kafka),
                           is_built_in);
    s.queue_max = *rc::gen::inRange<std::uint64_t>(1, 100'000'000);
    if (s.type != SinkType::standard_output) {
        s.attempts_max = *rc::gen::inRange<std::uint64_t>(0, 1'000'001);
        s.dead_max = *rc::gen::inRange<std::uint64_t>(1, 10'000'001);
        s.give_up_after = *rc::gen::inRange(0, 86'400) * 1s;
    }
    s.user_prefix = *rc::gen::element<std::string>("", "t1:", "é");
    if (!is_state_place(s.type)) {
        s.states = *rc::gen::element(Words{}, Words{"offline"});
        s.reasons = *rc::gen::element(Words{}, Words{"bye", "timeout"});
        s.delay = *rc::gen::inRange(0, 3'600) * 1s;
    }
    if (s.type == SinkType::standard_output)
        s.format = *rc::gen::element(SinkFormat::text, SinkFormat::json);
    if (s.type == SinkType::jsonl) s.path = awkward_text() + std::to_string(index);
    if (s.type == SinkType::exec) {
        s.command = {awkward_text(), awkward_text(), ""};
        s.acknowledge = *rc::gen::arbitrary<bool>();
        if (s.acknowledge) s.timeout = *rc::gen::inRange(100, 600'001) * 1ms;
    }
    if (s.type == SinkType::webhook) {
        s.url = *rc::gen::element<std::string>("https://example.org/a?b=c%20d&e='",
                                               "http://[::1]:8080");
        s.timeout = *rc::gen::inRange(100, 600'001) * 1ms;
        s.webhook = any_webhook();
        if (*rc::gen::arbitrary<bool>()) s.ca_file = awkward_text();
    }
    if (s.type == SinkType::redis) {
        s.url = *rc::gen::element<std::string>("redis://10.0.0.1:6379/2", "unix:///run/r");
        s.redis = any_redis();
        set_login(s);
    }
    if (s.type == SinkType::postgres) {
        s.postgres = any_postgres();
        s.password_file = *rc::gen::element<std::string>("", "postgres.password");
    }
    if (s.type == SinkType::kafka) {
        s.kafka.brokers = *rc::gen::element<std::string>("k1:9092,[::1]:9093", "10.0.0.1");
        s.kafka.topic = *rc::gen::element<std::string>("presence", "a.b_c-9");
        if (*rc::gen::arbitrary<bool>()) s.kafka.settings_file = awkward_text();
    }
    if (s.type == SinkType::nats) {
        s.url = *rc::gen::element<std::string>("nats://10.0.0.1", "tls://[::1]:4223");
        s.nats.subject = *rc::gen::element<std::string>("a.{slot}.{user}", "{state}");
        s.nats.jetstream = *rc::gen::arbitrary<bool>();
        if (s.url.starts_with("tls")) s.ca_file = awkward_text();
        set_login(s);
    }
    return s;
}

Config any_config() {
    Config c =
        default_config(*rc::gen::inRange<std::size_t>(1, 11), *rc::gen::inRange<std::size_t>(1, 4));
    c.presence.timeout = *rc::gen::inRange(1'000, 86'400'001) * 1ms;
    c.presence.collector_grace = *rc::gen::element<Duration>(0s, 1s, 90s, 24h);
    c.presence.freeze_max = *rc::gen::element<Duration>(0s, 24h + 1ms, 48h);
    c.presence.edge_timeout = *rc::gen::element<Duration>(1500ms, 3s, 24h);
    c.presence.edge_grace = *rc::gen::element<Duration>(0s, 30s, 24h);
    c.presence.edge_lost_rate = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
    c.presence.users_max = *rc::gen::inRange<std::uint64_t>(1, 1'000'000'001);
    c.presence.backlog_max = *rc::gen::inRange<std::uint64_t>(0, 1'000'000'001);
    c.presence.map_version = *rc::gen::inRange<std::uint64_t>(1, 1ull << 53);
    c.presence.durability =
        *rc::gen::element(Durability::off, Durability::process, Durability::power);
    c.presence.journal_bytes_max = *rc::gen::inRange<std::uint64_t>(1 << 20, 1ull << 40);
    c.presence.journal_age_max = *rc::gen::element<Duration>(1min, 36h, 365 * 24h);
    c.presence.on_start = *rc::gen::element(OnStart::resume, OnStart::offline);
    c.presence.on_shutdown = *rc::gen::element(OnShutdown::hold, OnShutdown::offline);
    c.presence.log_level =
        *rc::gen::element(LogLevel::debug, LogLevel::info, LogLevel::warn, LogLevel::error);
    c.presence.log_format = *rc::gen::element(LogFormat::logfmt, LogFormat::json);
    c.presence.allow_plaintext = *rc::gen::arbitrary<bool>();
    if (c.presence.allow_plaintext) c.collectors[0].heartbeats_bind = "tcp://*:7400";
    c.trackers[0].data = awkward_text();
    const std::string query = *rc::gen::element<std::string>("", "tcp://127.0.0.1:7361");
    c.notifiers.push_back({"n2", "data/n2", query, query});
    c.sinks.clear();
    const auto sinks = *rc::gen::inRange<std::size_t>(1, 4);
    for (std::size_t i = 0; i < sinks; ++i)
        c.sinks.push_back(any_sink(i, i % 2 == 0 ? "n1" : "n2"));
    return c;
}

}  // namespace

TEST_CASE("what is printed reads back to the same values", "[config][print]") {
    CHECK(flat(reread(print_config(default_config()))) == flat(default_config()));
    rc::prop("round trip", [] {
        const Config config = any_config();
        RC_ASSERT(flat(reread(print_config(config))) == flat(config));
    });
}
