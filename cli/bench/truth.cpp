#include "cli/bench/truth.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace presence::cli {
namespace {

constexpr std::size_t kDigits = 10;

}  // namespace

BenchTruth::BenchTruth(std::string prefix, std::vector<std::uint32_t> first_of, Duration ttl)
    : prefix_(std::move(prefix)),
      first_of_(std::move(first_of)),
      ttl_(ttl),
      sent_(first_of_.size() - 1),
      told_online_in_(first_of_.size() - 1),
      told_online_(first_of_.back()) {}

std::string BenchTruth::id_of(std::string_view prefix, std::uint32_t user) {
    const std::string digits = std::to_string(user);
    return std::string(prefix) + std::string(kDigits - digits.size(), '0') + digits;
}

std::optional<std::uint32_t> BenchTruth::number_of(std::string_view id) const {
    const std::string_view digits = id.substr(prefix_.size());
    std::uint32_t number = 0;
    const auto end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, number);
    if (digits.size() != kDigits || read.ec != std::errc{} || read.ptr != end) return {};
    return number < users() ? std::optional(number) : std::nullopt;
}

void BenchTruth::on_sent(std::size_t group, Instant before) {
    sent_[group] = {before, sent_[group].last, std::nullopt};
}

void BenchTruth::on_bye(std::size_t group, Instant before) {
    sent_[group].bye = before;
}

std::optional<Instant> BenchTruth::offline_from(const Sent& sent, Instant received) const {
    if (sent.bye) return sent.bye;
    if (received >= *sent.last + ttl_) return *sent.last + ttl_;
    // The group may have come back between the deadline and the news of it.
    if (sent.before && *sent.last - *sent.before >= ttl_ && received >= *sent.before + ttl_)
        return *sent.before + ttl_;
    return std::nullopt;
}

void BenchTruth::on_event(const Event& event, Instant received) {
    if (!event.user.starts_with(prefix_)) return;
    ++transitions_;
    const auto user = number_of(event.user);
    if (!user) {
        ++faults_.unknown;
        return;
    }
    const auto after = std::upper_bound(first_of_.begin(), first_of_.end(), *user);
    const auto group = static_cast<std::size_t>(after - first_of_.begin()) - 1;
    const Sent& sent = sent_[group];
    const bool online = event.state == State::online;
    if (!sent.last) {
        ++faults_.unknown;
        return;
    }
    if (told_online_[*user] == online) {
        ++faults_.repeated;
        return;
    }
    told_online_[*user] = online;
    online_ += online ? 1 : std::uint64_t{0} - 1;
    told_online_in_[group] += online ? 1 : std::uint32_t{0} - 1;
    if (online) return;
    if (const auto due = offline_from(sent, received))
        lateness_.push_back(received - *due);
    else
        ++faults_.early;
}

std::uint64_t BenchTruth::missing(Instant now, Duration allowance) const {
    std::uint64_t missing = 0;
    for (std::size_t group = 0; group < groups(); ++group) {
        if (!sent_[group].last) continue;
        const auto& sent = sent_[group];
        // As if it had been silent for ttl when it said bye.
        const auto silent = now - (sent.bye ? *sent.bye - ttl_ : *sent.last);
        if (silent < ttl_ - allowance)
            missing += users_in(group) - told_online_in_[group];
        else if (silent >= ttl_ + allowance)
            missing += told_online_in_[group];
    }
    return missing;
}

std::vector<Duration> BenchTruth::take_lateness() {
    return std::exchange(lateness_, {});
}

}  // namespace presence::cli
