#include "tests/simulation/crowd.hpp"

namespace presence::simulation {

namespace {
constexpr unsigned kRounds = 3;
}

void Crowd::start() {
    for (std::size_t i = 0; i < shape_.crowded; ++i) {
        User user;
        user.number = shape_.users - shape_.crowded + i;
        users_.push_back(std::move(user));
    }
    for (auto& user : users_)
        scheduler_.after(random_.between(0, 2 * shape_.timeout), [this, &user] { step(user); });
}

void Crowd::open(User& user) {
    const bool one_edge = random_.percent(50);
    const auto edge = random_.below(shape_.edges);
    const auto count = random_.between(17, 24);
    user.tabs.clear();
    user.rounds = kRounds;
    for (std::int64_t i = 0; i < count; ++i) {
        Tab tab;
        tab.edge = one_edge ? edge : random_.below(shape_.edges);
        tab.session = "w" + std::to_string(++user.opened);
        tab.ttl = random_.percent(70) ? shape_.timeout : shape_.ttl_max;
        user.tabs.push_back(std::move(tab));
    }
}

void Crowd::beat(const User& user, const Tab& tab, bool bye) {
    Beat beat;
    beat.user = user.number;
    beat.session = tab.session;
    beat.ttl = tab.ttl;
    beat.bye = bye;
    beat.crowded = true;
    emit_(tab.edge, std::move(beat));
}

// All but one or two of the last, those without a word or with one.
void Crowd::leave(User& user) {
    const auto stay = static_cast<std::size_t>(random_.between(1, 2));
    const bool tombstones = random_.percent(50);
    for (std::size_t i = 0; i + stay < user.tabs.size(); ++i) {
        if (tombstones) beat(user, user.tabs[i], true);
        user.tabs[i].open = false;
    }
}

void Crowd::step(User& user) {
    if (scheduler_.now() >= shape_.rest) return;
    if (user.tabs.empty()) open(user);
    for (const auto& tab : user.tabs)
        if (tab.open) beat(user, tab);
    if (user.rounds > 0 && --user.rounds == 0) leave(user);
    const Time interval = shape_.timeout * random_.between(25, 40) / 100;
    if (user.rounds > 0 || !random_.percent(10))
        return scheduler_.after(interval, [this, &user] { step(user); });
    user.tabs.clear();
    scheduler_.after(random_.between(interval, 3 * shape_.ttl_max), [this, &user] { step(user); });
}

}  // namespace presence::simulation
