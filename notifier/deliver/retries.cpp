#include "notifier/deliver/retries.hpp"

#include <algorithm>
#include <utility>

#include "common/check.hpp"

namespace presence::notifier {

Retries::Retries(Options options, std::uint64_t seed)
    : options_(options), backoff_(options.backoff_first, options.backoff_max, seed) {}

void Retries::begin(std::vector<std::string_view> users) {
    PRESENCE_CHECK(!current_ && !burial_ && pieces_.empty(), "a portion is under way");
    users_ = std::move(users);
    done_.assign(users_.size(), false);
    left_ = users_.size();
    first_ = next_ = 0;
    attempts_ = 0;
    unclear_in_row_ = 0;
    for (auto& [user, aside] : aside_)
        aside.items.clear();
    if (aside_.empty()) return;
    for (std::size_t item = 0; item < users_.size(); ++item)
        if (const auto found = aside_.find(users_[item]);
            found != aside_.end() && found->second.items.empty())
            found->second.items.push_back(item);
}

// Whether it waits behind one of its user. Items come in order.
bool Retries::put_aside(std::size_t item) {
    const auto found = aside_.find(users_[item]);
    if (found == aside_.end()) return false;
    auto& waiting = found->second.items;
    if (waiting.empty() || waiting.back() < item) waiting.push_back(item);
    return true;
}

Retries::Items Retries::cut() {
    Items items;
    for (; next_ < users_.size() && items.size() < options_.chunk_max; ++next_)
        if (!done_[next_] && !put_aside(next_)) items.push_back(next_);
    return items;
}

std::optional<Retries::Current> Retries::choose(Instant now) {
    if (burial_) return std::exchange(burial_, std::nullopt);
    for (const auto& [user, aside] : aside_)
        if (now >= aside.again_at)
            return Current{Kind::aside, {aside.items.front()}, aside.attempts};
    while (!pieces_.empty()) {
        auto items = std::move(pieces_.back());
        pieces_.pop_back();
        std::erase_if(items, [&](std::size_t item) { return put_aside(item); });
        if (!items.empty()) return Current{Kind::chunk, std::move(items), attempts_};
    }
    if (auto items = cut(); !items.empty()) return Current{Kind::chunk, std::move(items), 0};
    return std::nullopt;
}

std::optional<Retries::Step> Retries::next(Instant now) {
    if (current_ || now < not_before_) return std::nullopt;
    current_ = choose(now);
    if (!current_) return std::nullopt;
    if (current_->kind == Kind::chunk && options_.attempts_max > 0 &&
        attempts_ >= options_.attempts_max)
        current_->kind = Kind::burial;
    return Step{current_->items, current_->kind == Kind::burial ? current_->attempts : 0};
}

void Retries::finish(std::size_t item) {
    done_[item] = true;
    --left_;
    while (first_ < done_.size() && done_[first_])
        ++first_;
}

// Those that waited behind it come next.
void Retries::release(std::size_t item) {
    const auto found = aside_.find(users_[item]);
    if (found == aside_.end() || found->second.items.front() != item) return;
    Items behind(found->second.items.begin() + 1, found->second.items.end());
    aside_.erase(found);
    if (!behind.empty()) pieces_.push_back(std::move(behind));
}

void Retries::on_report(const Report& report, Instant now) {
    PRESENCE_CHECK(current_, "nothing was handed out");
    Items rest;
    Items never;
    for (std::size_t n = 0; n < current_->items.size(); ++n) {
        const auto item = current_->items[n];
        if (report.of(n) == Report::Item::done) {
            finish(item);
            continue;
        }
        rest.push_back(item);
        if (report.of(n) == Report::Item::never) never.push_back(item);
    }
    const auto [kind, items, attempts] = *std::exchange(current_, std::nullopt);
    if (rest.size() < items.size()) {
        attempts_ = 0;
        if (kind != Kind::burial) on_taken(now);
        if (items.size() == 1) release(items.front());
    }
    if (rest.empty()) return;
    auto failure = report.failure.value_or(Failure{});
    if (kind == Kind::burial) return on_failed_burial(std::move(rest), now);
    if (!never.empty() && rest.size() > 1) return isolate(rest, never);
    if (!never.empty()) failure.fault = Fault::event;
    if (kind == Kind::aside) return on_failed_aside(rest.front(), failure, now);
    on_failed(std::move(rest), failure, now);
}

// Each of those stands alone, in its place among the others.
void Retries::isolate(const Items& items, const Items& alone) {
    Items run;
    for (auto item = items.rbegin(); item != items.rend(); ++item) {
        const bool one = std::binary_search(alone.begin(), alone.end(), *item);
        if (!one) run.insert(run.begin(), *item);
        if ((one || item + 1 == items.rend()) && !run.empty())
            pieces_.push_back(std::exchange(run, {}));
        if (one) pieces_.push_back({*item});
    }
}

void Retries::on_taken(Instant now) {
    took_at_ = now;
    alone_in_row_ = 0;
    unclear_in_row_ = 0;
    backoff_.reset();
    not_before_ = {};
}

void Retries::pause(Instant now, Duration at_least) {
    not_before_ = now + std::max(backoff_.next(), at_least);
}

void Retries::again(Items items) {
    pieces_.push_back(std::move(items));
}

void Retries::halve(const Items& items) {
    const auto middle = items.begin() + static_cast<std::ptrdiff_t>((items.size() + 1) / 2);
    pieces_.emplace_back(middle, items.end());
    pieces_.emplace_back(items.begin(), middle);
}

void Retries::on_failed(Items rest, const Failure& failure, Instant now) {
    const bool later = failure.retry_after > Duration{} || failure.gone || failure.ours;
    if (!later && failure.fault == Fault::event) {
        if (rest.size() == 1) return on_alone(rest.front(), failure.fault, now);
        return halve(rest);
    }
    pause(now, failure.retry_after);
    if (later) return again(std::move(rest));
    ++attempts_;
    if (failure.fault == Fault::place || options_.attempts_max > 0) return again(std::move(rest));
    if (++unclear_in_row_ < 2) return again(std::move(rest));
    if (rest.size() == 1) return on_alone(rest.front(), failure.fault, now);
    unclear_in_row_ = 1;
    halve(rest);
}

void Retries::on_alone(std::size_t item, Fault fault, Instant now) {
    ++alone_in_row_;
    unclear_in_row_ = 0;
    if (!may_die() && not_before_ <= now) pause(now);
    if (fault == Fault::event && may_die())
        burial_ = Current{Kind::burial, {item}, 1};
    else if (aside_.size() < kAsideMax)
        aside_[std::string(users_[item])] = {now, now + kAgainMin, 1, {item}};
    else
        again({item});
}

void Retries::on_failed_aside(std::size_t item, const Failure& failure, Instant now) {
    auto& aside = aside_.find(users_[item])->second;
    const bool later = failure.retry_after > Duration{} || failure.gone || failure.ours;
    if (later || failure.fault == Fault::place) return pause(now, failure.retry_after);
    ++aside.attempts;
    const auto age = now - aside.since;
    const bool bounded = options_.give_up_after > Duration{};
    const bool expired = bounded && age >= options_.give_up_after && took_at_ > aside.since;
    aside.again_at = now + std::clamp(age, kAgainMin, kAgainMax);
    if (bounded && age < options_.give_up_after)
        aside.again_at = std::min(aside.again_at, aside.since + options_.give_up_after);
    if (failure.fault == Fault::unclear && !expired) return;
    if (++alone_in_row_; may_die()) burial_ = Current{Kind::burial, {item}, aside.attempts};
}

// There may be too many letters. A pause, and all is tried again as before.
void Retries::on_failed_burial(Items rest, Instant now) {
    attempts_ = 0;
    pause(now);
    const auto found = aside_.find(users_[rest.front()]);
    if (found == aside_.end() || found->second.items.front() != rest.front())
        again(std::move(rest));
}

Instant Retries::next_wakeup() const {
    if (current_) return Instant::max();
    if (burial_ || !pieces_.empty() || next_ < users_.size()) return not_before_;
    auto wakeup = Instant::max();
    for (const auto& [user, aside] : aside_)
        wakeup = std::min(wakeup, aside.again_at);
    return std::max(wakeup, not_before_);
}

std::size_t Retries::leading() const {
    auto leading = first_;
    if (!current_) return leading;
    const auto& step = current_->items;
    for (auto item = std::lower_bound(step.begin(), step.end(), leading); leading < done_.size();
         ++leading) {
        if (item != step.end() && *item == leading)
            ++item;
        else if (!done_[leading])
            break;
    }
    return leading;
}

std::vector<std::size_t> Retries::left() const {
    Items items;
    for (auto item = first_; item < done_.size(); ++item)
        if (!done_[item]) items.push_back(item);
    return items;
}

bool Retries::only_aside() const {
    return !current_ && !burial_ && pieces_.empty() && next_ == users_.size() && !aside_.empty();
}

}  // namespace presence::notifier
