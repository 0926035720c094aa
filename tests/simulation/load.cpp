#include "tests/simulation/load.hpp"

#include <algorithm>
#include <utility>

namespace presence::simulation {

Load::Load(Scheduler& scheduler, Random random, const Shape& shape, Emit emit)
    : scheduler_(scheduler), random_(random), shape_(shape), emit_(std::move(emit)) {
    for (std::size_t user = 0; user < shape_.users - shape_.crowded; ++user) {
        User u;
        u.naming = static_cast<Naming>(random_.below(3));
        u.ttl = random_.percent(25)   ? shape_.ttl_max
                : random_.percent(60) ? shape_.timeout
                                      : random_.between(1000, shape_.ttl_max / 1000) * kMillisecond;
        u.steady = random_.percent(70);
        u.moves = random_.percent(shape_.moving_percent);
        users_.push_back(u);
        const std::size_t connections = random_.percent(70) ? 1 : random_.percent(70) ? 2 : 3;
        for (std::size_t i = 0; i < connections; ++i) {
            Connection c;
            c.user = user;
            c.index = i;
            // A user's connections mostly share their ttl.
            c.ttl = random_.percent(80)
                        ? u.ttl
                        : random_.between(1000, shape_.ttl_max / 1000) * kMillisecond;
            c.interval = c.ttl * random_.between(20, 45) / 100;
            connections_.push_back(c);
        }
    }
}

void Load::start() {
    for (auto& connection : connections_)
        again(connection, random_.between(0, 2 * shape_.timeout));
}

void Load::again(Connection& connection, Time delay) {
    scheduler_.after(delay, [this, &connection] { step(connection); });
}

void Load::open(Connection& connection) {
    auto& user = users_[connection.user];
    connection.edge = random_.below(shape_.edges);
    for (std::size_t tried = 0; tried < shape_.edges && user.moves && !up(connection.edge); ++tried)
        connection.edge = (connection.edge + 1) % shape_.edges;
    connection.open = true;
    switch (user.naming) {
        case Naming::unnamed:
            connection.session.clear();
            break;
        case Naming::fixed:
            connection.session = "tab" + std::to_string(connection.index);
            break;
        case Naming::fresh:
            connection.session = "s" + std::to_string(++user.opened);
            break;
    }
}

void Load::emit(const Connection& connection, bool bye, Time age) {
    Beat beat;
    beat.user = connection.user;
    beat.session = connection.session;
    beat.ttl = connection.ttl;
    beat.bye = bye;
    beat.age = age;
    beat.linger = bye ? shape_.linger : 0;
    if (beat.linger > 0 && random_.percent(40)) {
        beat.says_so = true;
        beat.linger = random_.percent(50) ? 0 : random_.between(0, 2'000) * kMillisecond;
    }
    if (!bye && scheduler_.now() < shape_.rest && random_.percent(3)) {
        constexpr std::string_view statuses[] = {"busy", "away", "here", ""};
        beat.status = statuses[random_.below(4)];
    }
    emit_(connection.edge, std::move(beat));
}

// A user who closes one window looks at another.
void Load::touch_others(const Connection& left) {
    for (const auto& other : connections_)
        if (other.user == left.user && other.index != left.index && other.open) emit(other, false);
}

// Ends the connection; returns when the user connects again.
Time Load::leave(Connection& connection, bool bye) {
    if (bye) {
        if (random_.percent(50)) touch_others(connection);
        emit(connection, true);
    }
    connection.open = false;
    return random_.percent(50) ? random_.between(5 * kMillisecond, 300 * kMillisecond)
                               : random_.between(kMillisecond, 3 * connection.ttl);
}

void Load::step(Connection& connection) {
    if (scheduler_.now() >= shape_.rest) return rest(connection);
    if (!connection.open || (users_[connection.user].moves && !up(connection.edge)))
        open(connection);
    const auto dice = random_.below(1000);
    if (dice < 25) return again(connection, leave(connection, true));
    if (dice < 45) return again(connection, leave(connection, false));
    if (dice < 50) {  // older than its session's last, sometimes than its ttl
        emit(connection, false, random_.between(0, 2 * connection.ttl));
        return again(connection, connection.interval);
    }
    emit(connection, false);
    Time gap = connection.interval * random_.between(90, 110) / 100;
    if (dice < 150) gap = connection.ttl * random_.between(85, 115) / 100;
    if (dice >= 970) gap = connection.ttl * random_.between(120, 250) / 100;
    again(connection, gap);
}

// A steady user keeps one connection; the others, like silent users, vanish without a word.
void Load::rest(Connection& connection) {
    if (!users_[connection.user].steady || connection.index != 0) return;
    if (!connection.open || (users_[connection.user].moves && !up(connection.edge)))
        open(connection);
    emit(connection, false);
    again(connection, connection.interval);
}

}  // namespace presence::simulation
