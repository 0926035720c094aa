#include "notifier/deliver/refill.hpp"

#include <utility>

namespace presence::notifier {

void Refill::begin(std::uint64_t number, bool tell) {
    *this = Refill{};
    number_ = number;
    done_ = number - 1;
    phase_ = tell ? Phase::telling : Phase::sweeping;
    cursor_ = "0";
}

bool Refill::has_next() const {
    return !handed_out_ && (phase_ == Phase::telling || !swept_.empty());
}

std::vector<std::string> Refill::next(const Follower& follower) {
    handed_out_ = true;
    if (phase_ == Phase::sweeping) return std::exchange(swept_, {});
    std::vector<std::string> users;
    for (; slot_ < kSlots && users.size() < kUsersAtOnce; ++slot_)
        if (const auto* const ledger = follower.ledger(static_cast<Slot>(slot_)))
            ledger->each([&](const auto& user, const auto&) { users.push_back(user); });
    if (slot_ == kSlots) phase_ = Phase::sweeping;
    return users;
}

void Refill::on_told() {
    handed_out_ = false;
    if (phase_ != Phase::sweeping || !cursor_.empty() || !swept_.empty()) return;
    phase_ = Phase::none;
    done_ = number_;
}

std::optional<std::string> Refill::wants_page() const {
    const bool asks = phase_ == Phase::sweeping && !handed_out_ && swept_.empty();
    return asks && !cursor_.empty() ? std::optional(cursor_) : std::nullopt;
}

void Refill::on_page(const std::vector<std::string>& online, std::string cursor,
                     const Follower& follower) {
    for (const auto& user : online)
        if (follower.find(user) == nullptr) swept_.push_back(user);
    cursor_ = cursor == "0" ? std::string{} : std::move(cursor);
}

}  // namespace presence::notifier
