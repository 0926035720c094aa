#include "tracker/deadline_wheel.hpp"

#include <algorithm>

namespace presence::tracker {

void DeadlineWheel::set(std::uint32_t user, std::uint32_t deadline) {
    if (armed_.size() <= user) armed_.resize(std::max<std::size_t>(user + 1, 1024), kNone);
    auto bucket = deadline >> kShift;
    if (!started_) cursor_ = bucket, started_ = true;
    bucket = std::clamp(bucket, cursor_, cursor_ + kBuckets - 1);
    if (armed_[user] != kNone && armed_[user] <= bucket) return;
    armed_[user] = bucket;
    buckets_[bucket % kBuckets].push_back(user);
}

bool DeadlineWheel::take_due(std::uint32_t now, std::size_t limit, std::vector<Due>& out) {
    const auto room = out.size() + limit;
    for (; cursor_ < now >> kShift; ++cursor_) {
        auto& bucket = buckets_[cursor_ % kBuckets];
        while (!bucket.empty()) {
            if (out.size() >= room) return true;
            const auto user = bucket.back();
            bucket.pop_back();
            if (armed_[user] != cursor_) continue;
            armed_[user] = kNone;
            out.push_back({user, cursor_ << kShift});
        }
        if (bucket.capacity() > 1024) std::vector<std::uint32_t>().swap(bucket);
    }
    return false;
}

std::optional<std::uint32_t> DeadlineWheel::bound() const {
    for (auto b = cursor_; b < cursor_ + kBuckets; ++b)
        if (!buckets_[b % kBuckets].empty()) return b << kShift;
    return std::nullopt;
}

std::size_t DeadlineWheel::bytes() const {
    auto total = sizeof(*this) + armed_.capacity() * sizeof(armed_[0]);
    for (const auto& b : buckets_)
        total += b.capacity() * sizeof(b[0]);
    return total;
}

}  // namespace presence::tracker
