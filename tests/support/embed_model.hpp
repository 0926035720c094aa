#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace presence::testing {

// A transition as a model expects it. Those of one tie may come in any order among themselves.
struct Expected {
    bool online;
    std::string id;
    std::int64_t tie;  // the deadline in us; of what did not come by silence: a number of its own
};

// The algorithm of the Ruby library: a timer for every heartbeat, which when it fires looks whether
// the last heartbeat is long enough ago. Times in us; heartbeats count from the next whole ms.
class OriginalModel {
public:
    explicit OriginalModel(std::int64_t timeout_us) : timeout_(timeout_us) {}

    void pass(std::int64_t us) {
        now_ += us;
        while (!timers_.empty() && timers_.begin()->first <= now_) {
            const auto [fires, id] = *timers_.begin();
            timers_.erase(timers_.begin());
            const auto it = last_.find(id);
            if (it == last_.end() || fires - it->second < timeout_) continue;
            last_.erase(it);
            told.push_back({false, id, fires});
        }
    }
    void seen(const std::string& id) {
        const auto at = (now_ + 999) / 1000 * 1000;
        if (!last_.contains(id)) told.push_back({true, id, --ties_});
        last_[id] = at;
        timers_.emplace(at + timeout_, id);
    }
    std::vector<Expected> told;

private:
    std::int64_t timeout_, now_ = 0, ties_ = 0;
    std::map<std::string, std::int64_t> last_;
    std::multimap<std::int64_t, std::string> timers_;
};

// All rules of embed/online_manager.hpp, written down plainly: everybody is looked at each time.
class LibraryModel {
public:
    LibraryModel(std::int64_t timeout_us, std::int64_t grain_us, std::size_t users_max)
        : timeout_(timeout_us), grain_(grain_us), users_max_(users_max) {}

    void pass(std::int64_t us) {
        now_ += us;
        take_heartbeats();
        // Sessions end in the order of their deadlines, and a user with their last.
        while (true) {
            std::optional<std::pair<std::int64_t, std::string>> first;
            for (const auto& [id, sessions] : users_) {
                std::int64_t ends = 0;
                for (const auto& [name, s] : sessions)
                    ends = std::max(ends, deadline(s));
                if (ends <= now_ && (!first || ends < first->first)) first = {ends, id};
            }
            if (!first) break;
            users_.erase(first->second);
            told.push_back({false, first->second, first->first});
        }
        for (auto& [id, sessions] : users_)
            std::erase_if(sessions, [&](const auto& s) { return deadline(s.second) <= now_; });
    }
    // A heartbeat counts at the next pass() or renewal.
    void seen(const std::string& id, const std::string& session, std::int64_t ttl_us) {
        waiting_.push_back({id, session, ttl_us ? ttl_us : timeout_});
    }
    bool leave(const std::string& id, const std::optional<std::string>& session) {
        const auto it = users_.find(id);
        if (it == users_.end()) return false;
        if (session) {
            const auto named = it->second.find(*session);
            if (named == it->second.end()) return false;
            if (named->second.shared) return true;
            it->second.erase(named);
        }
        if (!session || it->second.empty()) {
            users_.erase(it);
            told.push_back({false, id, --ties_});
        }
        return true;
    }
    // Each lasts for so long from now if it would last for longer.
    bool linger(const std::string& id, const std::optional<std::string>& session, std::int64_t us) {
        const auto it = users_.find(id);
        if (it == users_.end()) return false;
        const auto at = round_up(now_ + grain_);
        bool any = false;
        for (auto& [name, s] : it->second) {
            if (session && *session != name) continue;
            any = true;
            if (session && s.shared) continue;
            if (deadline(s) < at) continue;
            s = {at, std::min(deadline(s) - at, us), s.shared};
        }
        return any;
    }
    void leave_all() {
        --ties_;
        for (const auto& [id, sessions] : users_)
            told.push_back({false, id, ties_});
        users_.clear();
    }
    void renew_all(std::int64_t us) {
        now_ += us;
        take_heartbeats();
        renewed_ = round_up(now_ + grain_);
    }
    bool is_online(const std::string& id) const { return users_.contains(id); }
    std::vector<std::string> online() const {
        std::vector<std::string> ids;
        for (const auto& [id, sessions] : users_)
            ids.push_back(id);
        return ids;
    }

    std::vector<Expected> told;
    std::uint64_t users_left_out = 0, sessions_left_out = 0;

private:
    struct Session {
        std::int64_t at, ttl;
        bool shared = false;
    };
    struct Heartbeat {
        std::string id, session;
        std::int64_t ttl;
    };
    void take_heartbeats() {
        for (const auto& beat : std::exchange(waiting_, {}))
            take(beat);
    }
    void take(const Heartbeat& beat) {
        const auto at = round_up(now_ + grain_);
        if (!users_.contains(beat.id)) {
            if (users_.size() >= users_max_) return void(++users_left_out);
            told.push_back({true, beat.id, --ties_});
        }
        auto& sessions = users_[beat.id];
        auto it = sessions.find(beat.session);
        if (it == sessions.end() && sessions.size() >= 16) {
            ++sessions_left_out;
            it = std::max_element(sessions.begin(), sessions.end(), [&](auto& a, auto& b) {
                return std::tuple(a.second.shared, deadline(a.second), a.first) <
                       std::tuple(b.second.shared, deadline(b.second), b.first);
            });
            it->second.shared = true;
        }
        if (it == sessions.end()) {
            sessions[beat.session] = {at, beat.ttl};
        } else if (it->second.shared) {
            it->second.at = at;
            it->second.ttl = std::max(it->second.ttl, beat.ttl);
        } else if (at > it->second.at) {
            it->second = {at, beat.ttl};
        } else {
            it->second.ttl = std::max(it->second.ttl, beat.ttl);
        }
    }
    static std::int64_t round_up(std::int64_t us) { return (us + 999) / 1000 * 1000; }
    std::int64_t deadline(const Session& s) const { return std::max(s.at, renewed_) + s.ttl; }

    std::int64_t timeout_, grain_;
    std::size_t users_max_;
    std::int64_t now_ = 0, renewed_ = -1'000'000'000'000, ties_ = 0;
    std::map<std::string, std::map<std::string, Session>> users_;
    std::vector<Heartbeat> waiting_;
};

}  // namespace presence::testing
