#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "common/config/address.hpp"
#include "common/config/built_in.hpp"
#include "common/config/endpoint.hpp"
#include "common/config/read.hpp"
#include "common/config/schema.hpp"
#include "common/config/suggest.hpp"
#include "common/limits.hpp"
#include "common/slots.hpp"
#include "common/text.hpp"
#include "common/transition.hpp"

namespace presence {
namespace {

// Ids stand in endpoints' frames, log lines and paths.
bool plain_name(const std::string& name) {
    return !name.empty() && name.size() <= kNameBytesMax && name[0] != '.' &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                      c == '.' || c == '-' || c == '_';
           });
}

// What an endpoint comes to without asking anybody. Two that share one of these are the same.
std::vector<std::string> addresses_of(const Endpoint& endpoint) {
    if (endpoint.localhost()) {
        auto both = addresses_of({"127.0.0.1", endpoint.port});
        both.push_back(addresses_of({"[::1]", endpoint.port})[0]);
        return both;
    }
    std::string host;
    for (const auto byte : parse_address(endpoint.host))
        host += std::to_string(byte) + ".";
    if (host.empty())
        for (const char c : endpoint.host)
            host += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return {host + ":" + std::to_string(endpoint.port)};
}

// Whether one machine can bind both; of names nobody knows.
bool may_collide(const Endpoint& one, const Endpoint& other) {
    if (one.port != other.port) return false;
    const auto unclear = [](const Endpoint& e) {
        return e.any_address() || (e.named() && !e.localhost());
    };
    if (unclear(one) || unclear(other)) return true;
    const auto ours = addresses_of(one);
    const auto theirs = addresses_of(other);
    return std::find_first_of(ours.begin(), ours.end(), theirs.begin(), theirs.end()) != ours.end();
}

// As it is written, "x/" of "./y/../x": where links lead is not looked up.
std::string normal(const std::string& path) {
    return (std::filesystem::path(path) / "").lexically_normal().string();
}

class Checker {
public:
    Checker(const Config& config, const ConfigOrigin& origin) : config_(config), origin_(origin) {}

    void check() {
        // What is wrong with a table as it is written says enough of it.
        std::set<std::string> faulty;
        for (const auto& fault : origin_.faults)
            faulty.insert(fault.table);
        const auto step = [&](const std::string& place, auto&& check) {
            if (faulty.count(place) == 0) origin_.gather(check);
        };
        step("presence", [&] { presence(); });
        for (std::size_t i = 0; i < config_.collectors.size(); ++i) {
            const auto& c = config_.collectors[i];
            const std::string place = "collector/" + std::to_string(i);
            step(place, [&] { name(place, "id", c.id, "collectors"); });
            step(place, [&] { endpoint(place, "heartbeats", c.heartbeats, c.heartbeats_bind); });
        }
        for (std::size_t i = 0; i < config_.trackers.size(); ++i) {
            const auto& t = config_.trackers[i];
            const auto before = origin_.faults.size();
            const std::string place = "tracker/" + std::to_string(i);
            step(place, [&] {
                name(place, "id", t.id, "trackers");
                hash(place, t.id);
                data(place + "/data", t.data);  // follows from the id
            });
            step(place, [&] { endpoint(place, "ingest", t.ingest, t.ingest_bind); });
            step(place, [&] { endpoint(place, "events", t.events, t.events_bind); });
            step(place, [&] { endpoint(place, "query", t.query, t.query_bind); });
            // Of two endpoints at one address that has been told.
            if (origin_.faults.size() == before) step(place, [&] { binds_once(place, t); });
        }
        for (std::size_t i = 0; i < config_.notifiers.size(); ++i) {
            const std::string place = "notifier/" + std::to_string(i);
            step(place, [&] {
                name(place, "id", config_.notifiers[i].id, "notifiers");
                data(place + "/data", config_.notifiers[i].data);
            });
            const auto& n = config_.notifiers[i];
            if (!n.query.empty())
                step(place, [&] { endpoint(place, "query", n.query, n.query_bind); });
            else if (!n.query_bind.empty())
                origin_.gather(
                    [&] { origin_.fail(place + "/query_bind", "`query_bind` needs a `query`"); });
        }
        for (std::size_t i = 0; i < config_.sinks.size(); ++i) {
            const std::string place = "sink/" + std::to_string(i);
            step(place, [&] { sink(place, config_.sinks[i]); });
        }
        origin_.throw_gathered();
    }

private:
    // Where a collector that died alone used up what may be held, somebody would be told offline
    // although their heartbeats may be on their way.
    void presence() {
        const auto& p = config_.presence;
        const auto grace = p.collector_grace_or_timeout();
        if (p.freeze_max_or_default() <= grace)
            origin_.fail("presence/freeze_max",
                         "`freeze_max` = " + format_duration(p.freeze_max) +
                             " must be longer than the collectors' grace of " +
                             format_duration(grace));
    }

    void name(const std::string& place, const std::string& key, const std::string& value,
              const std::string& kind) {
        if (!plain_name(value))
            origin_.fail(place + "/" + key,
                         "`" + key + "` is 1 to " + std::to_string(kNameBytesMax) +
                             " of the characters A-Z a-z 0-9 . _ - and does not start with a dot");
        if (!taken_.emplace(kind + " " + value, place).second)
            origin_.fail(place + "/" + key, "two " + kind + " are called `" + value + "`");
    }

    void unique(const std::string& place, const std::string& value, const std::string& what) {
        if (value.empty()) origin_.fail(place, what + " must not be empty");
        const auto [other, fresh] = paths_.emplace(normal(value), value);
        if (fresh) return;
        origin_.fail(place,
                     what + " `" + value + "` is used twice" +
                         (other->second == value ? "" : ", also as `" + other->second + "`"));
    }

    void data(const std::string& place, const std::string& value) {
        unique(place, value, "the directory");
        const auto path = normal(value);
        for (const auto& [other, written] : directories_)
            if (path.starts_with(other) || other.starts_with(path))
                origin_.fail(place, "one of the directories `" + written + "` and `" + value +
                                        "` lies in the other; give each process its own");
        directories_.emplace_back(path, value);
    }

    void endpoint(const std::string& place, const std::string& key, const std::string& value,
                  const std::string& bind) {
        Endpoint parsed;
        if (const auto fault = parse_endpoint(value, parsed); !fault.empty())
            origin_.fail(place + "/" + key, "`" + key + "` = `" + value + "`: " + fault);
        if (parsed.any_address())
            origin_.fail(place + "/" + key, "`" + key + "` = `" + value +
                                                "`: others connect to this, so it names one host; "
                                                "what to bind goes into `" +
                                                key + "_bind`");
        only_one(place + "/" + key, value, parsed);
        const std::string bind_key = key + "_bind";
        if (const auto fault = parse_endpoint(bind, parsed); !fault.empty())
            origin_.fail(place + "/" + bind_key, "`" + bind_key + "` = `" + bind + "`: " + fault);
        if (!parsed.loopback() && !config_.presence.allow_plaintext)
            origin_.fail(place + "/" + (bind == value ? key : bind_key),
                         "`" + bind + (parsed.named() ? "` may be" : "` is") +
                             " beyond loopback and nothing is encrypted: keep to 127.0.0.1 or "
                             "localhost, or set allow_plaintext = true in [presence] for a trusted "
                             "network");
    }

    void only_one(const std::string& place, const std::string& value, const Endpoint& parsed) {
        for (const auto& address : addresses_of(parsed)) {
            const auto [other, fresh] = endpoints_.emplace(address, value);
            if (!fresh && other->second == value)
                origin_.fail(place, "the endpoint `" + value + "` is used twice");
            if (!fresh)
                origin_.fail(place, "the endpoints `" + other->second + "` and `" + value +
                                        "` are the same address");
        }
    }

    void binds_once(const std::string& place, const TrackerConfig& t) {
        const std::array<std::pair<const char*, const std::string*>, 3> binds{
            {{"ingest", &t.ingest_bind}, {"events", &t.events_bind}, {"query", &t.query_bind}}};
        for (std::size_t i = 0; i < binds.size(); ++i)
            for (std::size_t j = 0; j < i; ++j) {
                Endpoint one;
                Endpoint other;
                (void)parse_endpoint(*binds[i].second, one);
                (void)parse_endpoint(*binds[j].second, other);
                if (may_collide(one, other))
                    origin_.fail(
                        place,
                        "tracker `" + t.id + "` would bind port " + std::to_string(one.port) +
                            " twice: for `" + binds[j].first + "` at `" + *binds[j].second +
                            "` and for `" + binds[i].first + "` at `" + *binds[i].second +
                            "`; give each its own port" +
                            (one.named() || other.named() ? ", or bind addresses instead of names"
                                                          : ""));
            }
    }

    // Epochs tell trackers apart by these ten bits.
    void hash(const std::string& place, const std::string& id) {
        const auto [other, fresh] = hashes_.emplace(tracker_hash10(id), id);
        if (!fresh)
            origin_.fail(place + "/id", "the tracker ids `" + other->second + "` and `" + id +
                                            "` have the same 10-bit hash; rename one");
    }

    void sink(const std::string& place, const SinkConfig& s) {
        name(place, "name", s.name, "sinks");
        if (s.type == SinkType::unset)
            origin_.fail(place, "the sink `" + s.name +
                                    "` needs a `type`: " + enumerated(sinks_built_in(), " or "));
        if (s.type != SinkType::unset && !is_built_in(s.type))
            origin_.fail(place + "/type", "this build has no sinks of type " +
                                              std::string(word_of(s.type)) + ", but " +
                                              enumerated(sinks_built_in(), " and "));
        belongs(place, s);
        if (s.type == SinkType::jsonl) {
            if (s.path.empty()) origin_.fail(place, "the sink `" + s.name + "` needs a `path`");
            unique(place + "/path", s.path, "the file");
        }
        if (s.type == SinkType::exec && (s.command.empty() || s.command[0].empty()))
            origin_.fail(place, "the sink `" + s.name +
                                    "` needs a `command`: [\"program\", \"argument\", ...]");
        if (s.type == SinkType::webhook) check_webhook(s, place, origin_);
        if (s.type == SinkType::redis) check_redis(s, place, origin_);
        if (s.type == SinkType::postgres) check_postgres(s, place, origin_);
        if (s.type == SinkType::kafka) check_kafka(s, place, origin_);
        if (s.type == SinkType::nats) check_nats(s, place, origin_);
        words(place, "states", s.states, kStates);
        words(place, "reasons", s.reasons, kReasons);
        if (!s.user_prefix.empty() && check_text(s.user_prefix, kUserBytesMax) != TextFault::none)
            origin_.fail(place + "/user_prefix",
                         "`user_prefix` is what ids of users begin with: at most 128 bytes of "
                         "UTF-8 without control characters");
        notifier(place, s);
    }

    // A list of some of those known. None at all would be a sink that is told nothing.
    void words(const std::string& place, const std::string& key,
               const std::vector<std::string>& list, std::span<const std::string_view> known) {
        const auto at = place + "/" + key;
        if (list.empty() && origin_.names(at))
            origin_.fail(
                at, "`" + key + "` is empty; leave it out for all: " + enumerated(known, ", "));
        for (const auto& word : list)
            if (std::ranges::find(known, word) == known.end())
                origin_.fail(at, "`" + key + "` knows no `" + word + "`, but " +
                                     enumerated(known, ", ") +
                                     did_you_mean(word, {known.begin(), known.end()}));
    }

    // What only sinks of other types have is not there.
    void belongs(const std::string& place, const SinkConfig& s) {
        for (const auto& setting : find_table("sink")->settings) {
            const auto key = place + "/" + std::string(setting.key);
            if (!origin_.names(key)) continue;
            const auto fail = [&](std::string_view why) {
                origin_.fail(key, "`" + std::string(setting.key) + "` " + std::string(why));
            };
            if (!setting.is_of(s.type)) {
                std::vector<std::string_view> types;
                for (const auto type : setting.types)
                    types.push_back(word_of(type));
                fail("is for a sink of type " + enumerated(types, " or ") +
                     ", this one is of type " + std::string(word_of(s.type)));
            } else if (setting.used != nullptr && !setting.used(s)) {
                fail("is for an exec sink with acknowledge = true");
            }
        }
    }

    void notifier(const std::string& place, const SinkConfig& s) {
        std::vector<std::string_view> known;
        for (const auto& n : config_.notifiers)
            known.emplace_back(n.id);
        if (s.notifier.empty())
            origin_.fail(place, "there are several notifiers: the sink `" + s.name +
                                    "` must say which is its `notifier`");
        if (std::find(known.begin(), known.end(), s.notifier) == known.end())
            origin_.fail(place + "/notifier", "there is no notifier `" + s.notifier + "`" +
                                                  did_you_mean(s.notifier, known));
    }

    const Config& config_;
    const ConfigOrigin& origin_;
    std::map<std::string, std::string> taken_;
    std::map<std::string, std::string> paths_;                      // by normal(), as written
    std::vector<std::pair<std::string, std::string>> directories_;  // normal(), as written
    std::map<std::string, std::string> endpoints_;                  // by address
    std::map<std::uint32_t, std::string> hashes_;
};

}  // namespace

void check_config(const Config& config, const ConfigOrigin& origin) {
    Checker(config, origin).check();
}

}  // namespace presence
