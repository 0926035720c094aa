#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/limits.hpp"
#include "common/time.hpp"
#include "common/wire/notifier_topic.hpp"

namespace presence::tracker {

// Which notifiers follow, as their subscriptions to `notifier/<id>/<boot>` tell. Two of one id are
// two processes, each with what it keeps and with sinks that are told everything twice.
//
// Pure. Memory is bounded: beyond kNotifiersMax none is known.
class NotifierIds {
public:
    static constexpr std::size_t kNotifiersMax = 1'000;
    // A machine that is gone has lost its connection by then (TCP keepalive, 30 s).
    static constexpr Duration kLinger = 40s;

    void on_subscription(std::string_view topic, bool subscribed, std::string_view address) {
        if (!topic.starts_with(kTopicNotifierPrefix)) return;
        const auto run = topic.substr(kTopicNotifierPrefix.size());
        const auto end = run.rfind('/');
        if (end == std::string_view::npos || end == 0 || end > kNameBytesMax) return;
        Key key{run.substr(0, end), run.substr(end + 1)};
        if (!subscribed)
            runs_.erase(key);
        else if (runs_.size() < kNotifiersMax)
            runs_.try_emplace(std::move(key), Run{std::string(address), {}});
    }

    // Once a turn.
    void turn(Instant now) {
        now_ = now;
        for (auto& [key, run] : runs_)
            if (!run.since) run.since = now;
    }

    // fn(id, addresses, topics) for each id of two or more that have been there for long.
    template <class Fn>
    void each_shared(const Fn& fn) const {
        for (auto it = runs_.begin(); it != runs_.end();) {
            const auto& id = it->first.first;
            std::vector<std::string> from, topics;
            for (; it != runs_.end() && it->first.first == id; ++it) {
                if (!it->second.since || now_ - *it->second.since < kLinger) continue;
                from.push_back(it->second.address);
                topics.push_back(std::string(kTopicNotifierPrefix) + id + "/" + it->first.second);
            }
            if (from.size() > 1) fn(id, from, topics);
        }
    }

private:
    using Key = std::pair<std::string, std::string>;  // id, boot
    struct Run {
        std::string address;
        std::optional<Instant> since;
    };
    std::map<Key, Run> runs_;
    Instant now_{};
};

}  // namespace presence::tracker
