#include "notifier/sinks/redis/redis.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/check.hpp"
#include "common/io/clock.hpp"
#include "common/io/log.hpp"
#include "common/limits.hpp"
#include "common/text.hpp"
#include "notifier/sinks/password.hpp"
#include "notifier/sinks/redis/script.hpp"

namespace presence::notifier {

namespace {

RedisUrl url_of(const SinkConfig& config) {
    RedisUrl url;
    const auto fault = parse_redis_url(config.url, url);
    PRESENCE_CHECK(fault.empty(), "a URL that was accepted");
    return url;
}

// Of "used_memory:1\r\nmaxmemory_policy:noeviction\r\n".
std::string value_in(const std::string& info, const std::string& name) {
    const auto found = info.find("\n" + name + ":");
    if (found == std::string::npos) return {};
    const auto begin = found + name.size() + 2;
    return info.substr(begin, info.find_first_of("\r\n", begin) - begin);
}

// The number of words that it came to.
std::size_t append_event(std::string& out, const Event& event, bool as_json) {
    const bool notice = is_gap_notice(event);
    append_bulk(out, event.user);
    append_bulk(out, notice ? "notice" : name_of(event.state));
    append_bulk(out, event.since_ms.value_or(event.at_ms));
    append_bulk(out, as_json ? to_json(event) : "");
    if (notice) return append_bulk(out, std::int64_t{0}), 5;
    std::size_t row = 12;
    for (const bool known :
         {event.since_ms.has_value(), event.last_seen_ms.has_value(), event.status.has_value()})
        row += known ? 2 : 0;
    const auto put = [&](std::string_view name, const auto& value) {
        append_bulk(out, name);
        append_bulk(out, value);
    };
    append_bulk(out, static_cast<std::int64_t>(row));
    put("epoch", static_cast<std::int64_t>(event.epoch));  // first, as the script reads them
    put("seq", static_cast<std::int64_t>(event.seq));
    put("state", name_of(event.state));
    put("reason", std::string_view(event.reason));
    put("at_ms", event.at_ms);
    put("slot", static_cast<std::int64_t>(event.slot));
    if (event.since_ms) put("since_ms", *event.since_ms);
    if (event.last_seen_ms) put("last_seen_ms", *event.last_seen_ms);
    if (event.status) put("status", std::string_view(*event.status));
    return 5 + row;
}

}  // namespace

std::string redis_advice(std::string_view error) {
    const auto begins = [&](std::string_view word) { return error.starts_with(word); };
    if (begins("CROSSSLOT"))
        return ": it is a cluster; set prefix = \"{presence}:\", so that all keys lie on one node";
    if (begins("MOVED")) return ": it is a node of a cluster; name the one that has these keys";
    if (begins("READONLY")) return ": it is a replica; name the primary";
    if (begins("NOAUTH")) return ": set password_file";
    if (begins("OOM")) return ": its maxmemory is used up";
    return {};
}

RedisSink::RedisSink(const SinkConfig& config, const Interrupt& interrupt, SinkHost host)
    : config_(config),
      url_(url_of(config)),
      interrupt_(&interrupt),
      host_(std::move(host)),
      kept_(host_.kept) {}

// After a failure nobody knows what the connection has on its way.
template <class Body>
auto RedisSink::guarded(Body&& body) {
    try {
        return body();
    } catch (const SinkFailure&) {
        connection_.reset();
        renew_at_ = std::exchange(lost_, false) ? Instant{} : io::now() + kMarkRenewed;
        throw;
    }
}

Reply RedisSink::ask(RedisConnection& connection,
                     std::initializer_list<std::string_view> words) const {
    auto reply = connection.call(words);
    if (reply.type == Reply::Type::error)
        throw SinkFailure(url_.origin + " answered " + reply.text + redis_advice(reply.text));
    return reply;
}

void RedisSink::ensure_open() {
    if (connection_ && connection_->closed()) connection_.reset();
    if (connection_) return;
    RedisConnection connection(url_, config_.timeout, *interrupt_);
    log_in(connection);
    look_at_memory(connection);
    hash_ = ask(connection, {"SCRIPT", "LOAD", kRedisScript}).text;
    compare(connection);
    connection_.emplace(std::move(connection));
}

void RedisSink::log_in(RedisConnection& connection) const {
    if (!config_.password_file.empty()) {
        const auto password = password_of(config_.password_file);
        if (config_.user.empty())
            (void)ask(connection, {"AUTH", password});
        else
            (void)ask(connection, {"AUTH", config_.user, password});
    }
    if (url_.db != 0) (void)ask(connection, {"SELECT", std::to_string(url_.db)});
}

// A server that drops keys makes users vanish. One that may not be asked is believed.
void RedisSink::look_at_memory(RedisConnection& connection) const {
    const auto reply = connection.call({"INFO", "memory"});
    const auto policy = value_in(reply.text, "maxmemory_policy");
    if (reply.type != Reply::Type::bulk || policy.empty() || policy == "noeviction") return;
    io::log::warn("redis_evicts", {{"sink", config_.name},
                                   {"maxmemory_policy", policy},
                                   {"advice", "noeviction, or users vanish"}});
}

void RedisSink::compare(RedisConnection& connection) {
    const auto place = config_.redis.prefix + "place:" + config_.name;
    there_ = ask(connection, {"GET", place}).text;
    auto there = parse_mark(there_);
    // The refill that is under way goes on.
    if (there && wanted_ > host_.view->get().refilled) there->whole = true;
    const auto why = why_refill(there, kept_);
    if (why.empty()) return;
    ++wanted_;
    host_.news->want_refill({wanted_, why, kept_.chunk > 0});
}

std::string RedisSink::mark_now(std::uint64_t chunk) const {
    return text_of({kept_.sink, chunk, host_.view->get().refilled == wanted_});
}

std::string RedisSink::script_call(std::span<const Event> events, const std::string& next,
                                   bool by_hash) const {
    const auto& redis = config_.redis;
    const auto key = [&](std::string_view kind, std::string_view of = {}) {
        return std::string(redis.prefix).append(kind).append(of);
    };
    const auto online = key("online");
    const bool as_json = !redis.publish.empty() || !redis.stream.empty();
    std::string rows;
    rows.reserve(events.size() * 400);
    std::size_t words = 3 + kScriptKeys + kScriptArguments + events.size();
    for (const auto& event : events)
        words += append_event(rows, event, as_json);
    std::string out;
    out.reserve(rows.size() + 4096 + events.size() * 160);
    append_array(out, words);
    append_bulk(out, by_hash ? "EVALSHA" : "EVAL");
    append_bulk(out, by_hash ? std::string_view(hash_) : kRedisScript);
    append_bulk(out, static_cast<std::int64_t>(kScriptKeys + events.size()));
    append_bulk(out, key("place:", config_.name));
    append_bulk(out, key("sink:", config_.name));
    append_bulk(out, online);
    append_bulk(out, redis.stream.empty() ? online : redis.stream);
    for (const auto& event : events)
        append_bulk(out, event.user.empty() ? online : key("user:", event.user));
    const auto view = host_.view->get();
    const bool whole = view.refilled == wanted_;
    append_bulk(out, there_);
    append_bulk(out, next);
    append_bulk(out, kMarkEnds / 1ms);
    append_bulk(out, redis.offline_ttl / 1ms);
    append_bulk(out, redis.publish);
    append_bulk(out, redis.stream.empty() ? "" : "1");
    append_bulk(out, static_cast<std::int64_t>(redis.stream_max));
    append_bulk(out, host_.cluster);
    append_bulk(out, config_.notifier);
    append_bulk(out, config_.name);
    append_bulk(out, view.as_of_ms);
    append_bulk(out, name_of(whole ? view.freshness : Freshness::warming));
    out += rows;
    return out;
}

std::vector<std::size_t> RedisSink::run(std::span<const Event> events, const std::string& next) {
    auto reply = connection_->call(script_call(events, next, true));
    if (reply.type == Reply::Type::error && reply.text.starts_with("NOSCRIPT"))
        reply = connection_->call(script_call(events, next, false));
    lost_ = reply.type == Reply::Type::error && reply.text.starts_with("LOST");
    if (lost_)
        throw SinkFailure(url_.origin + " is no longer as it was left: it is looked at anew");
    if (reply.type == Reply::Type::error)
        throw SinkFailure(url_.origin + " answered " + reply.text + redis_advice(reply.text));
    std::vector<std::size_t> refused;
    for (const auto& number : reply.array)
        if (number.integer > 0) refused.push_back(static_cast<std::size_t>(number.integer) - 1);
    if (!next.empty() && refused.empty()) {
        there_ = next;
        renew_at_ = io::now() + kMarkRenewed;
    }
    return refused;
}

Report RedisSink::take(const std::vector<Event>& batch) {
    Report report;
    try {
        guarded([&] {
            ensure_open();
            for (std::size_t first = 0; first < batch.size(); first += kEventsMax) {
                const auto size = std::min(kEventsMax, batch.size() - first);
                // Only with the last of them: what is lost is what came last.
                const bool last = first + size == batch.size() && !report.failure;
                const auto refused =
                    run(std::span(batch).subspan(first, size), last ? mark_now(chunk_) : "");
                report.items.resize(first + size, Report::Item::done);
                for (const auto item : refused) {
                    report.items[first + item] = Report::Item::never;
                    report.failure = Failure{
                        .fault = Fault::event,
                        .reason = url_.origin + " answered WRONGTYPE: the user's key is not ours"};
                }
            }
        });
    } catch (const SinkFailure& failure) {
        report.failure = failure.failure;
        return report;
    }
    if (!report.failure) kept_.chunk = chunk_;
    return report;
}

void RedisSink::open() {
    connection_.reset();
    tend();
}

Sink::Watch RedisSink::watch() const {
    return {connection_ ? connection_->fd() : -1, renew_at_};
}

void RedisSink::tend() {
    guarded([&] {
        ensure_open();
        if (io::now() >= renew_at_) (void)run({}, mark_now(kept_.chunk));
    });
}

StatePlace::Page RedisSink::online(const std::string& cursor) {
    return guarded([&] {
        ensure_open();
        const auto key = config_.redis.prefix + "online";
        const auto reply =
            ask(*connection_, {"ZSCAN", key, cursor, "COUNT", std::to_string(kPageUsers)});
        if (reply.array.size() != 2) throw SinkFailure(url_.origin + " does not know ZSCAN");
        Page page{{}, reply.array[0].text};
        const auto& members = reply.array[1].array;
        for (std::size_t n = 0; n < members.size(); n += 2) {
            const auto& user = members[n].text;
            if (check_text(user, kUserBytesMax) == TextFault::none)
                page.users.push_back(user);
            else
                (void)ask(*connection_, {"ZREM", key, user});  // nobody's: we never wrote it
        }
        return page;
    });
}

std::uint64_t RedisSink::count() {
    return guarded([&] {
        ensure_open();
        const auto reply = ask(*connection_, {"ZCARD", config_.redis.prefix + "online"});
        return static_cast<std::uint64_t>(std::max<std::int64_t>(reply.integer, 0));
    });
}

void RedisSink::want_refill(const std::string& why) {
    ++wanted_;
    host_.news->want_refill({wanted_, why, true});
}

}  // namespace presence::notifier
