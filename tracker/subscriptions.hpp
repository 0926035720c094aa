#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_set>

#include "common/batch.hpp"
#include "common/secret_hash.hpp"

namespace presence::tracker {

// Which `user/` topics anyone listens to, as XPUB tells it, so that nothing is encoded for nobody.
// May say yes for nobody, never no for somebody: the socket filters again. Pure; memory is bounded,
// beyond kTopicsMax every topic counts as wanted until all subscribers of the surplus are gone.
class Subscriptions {
public:
    static constexpr std::size_t kTopicsMax = 100'000;

    // A prefix that now has its first, or has lost its last, subscriber.
    void on_subscription(std::string_view prefix, bool subscribed) {
        if (!touches_users(prefix)) return;
        auto& set = prefix.ends_with('\0') ? exact_ : wide_;
        if (!subscribed) {
            if (set.erase(std::string(prefix)) == 0 && surplus_ > 0) --surplus_;
        } else if (exact_.size() + wide_.size() < kTopicsMax) {
            set.emplace(prefix);
        } else {
            ++surplus_;
        }
    }

    [[nodiscard]] bool any() const { return !exact_.empty() || !wide_.empty() || surplus_ > 0; }
    [[nodiscard]] bool wants(const std::string& topic) const {
        return !wide_.empty() || surplus_ > 0 || (!exact_.empty() && exact_.contains(topic));
    }

private:
    static bool touches_users(std::string_view prefix) {
        return prefix.starts_with(kTopicUserPrefix) || kTopicUserPrefix.starts_with(prefix);
    }

    std::unordered_set<std::string, SecretHash> exact_;  // "user/<id>\0": one user
    std::unordered_set<std::string, SecretHash> wide_;   // prefixes that match many
    std::size_t surplus_ = 0;
};

}  // namespace presence::tracker
