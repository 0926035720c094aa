#include "cli/bench/load.hpp"

#include <algorithm>
#include <random>

#include "common/io/clock.hpp"
#include "common/io/sockets.hpp"
#include "common/wire/batch.hpp"
#include "common/wire/heartbeat.hpp"

namespace presence::cli {
namespace {

constexpr Duration kSendWithin = 10s;
constexpr int kSendsPerTurn = 64;
constexpr std::uint32_t kOrderSeed = 7;  // all runs have the same order

// Groups of at most `size`, so cut that the first `mass` users are groups of their own.
std::vector<std::uint32_t> cut(std::uint64_t users, std::uint64_t mass, std::uint64_t size) {
    std::vector<std::uint32_t> first_of{0};
    for (std::uint64_t next = 0; next < users;) {
        const auto end = next < mass ? mass : users;
        next = std::min(next + size, end);
        first_of.push_back(static_cast<std::uint32_t>(next));
    }
    return first_of;
}

std::string message_of(const std::string& edge, const std::vector<Heartbeat>& beats) {
    Envelope envelope;
    if (!edge.empty()) envelope = {.edge = edge, .boot = 1, .seq = 1, .sent_ms = {}};
    return encode_heartbeats(envelope, beats);
}

std::string edge_of(std::size_t group, std::uint64_t edges) {
    return edges > 0 ? "e" + std::to_string(group % edges) : std::string();
}

// Sixteen bytes an id with its number, and of this run alone.
std::string prefix_of_run() {
    constexpr const char* kLetters = "0123456789abcdefghijklmnopqrstuv";
    auto boot = io::make_boot();
    std::string prefix = "b";
    for (int i = 0; i < 4; ++i, boot /= 32)
        prefix += kLetters[boot % 32];
    return prefix + ":";
}

}  // namespace

BenchLoad::BenchLoad(zmq::context_t& context, const std::string& heartbeats, BenchEvents& events,
                     const BenchOptions& options, Duration interval, Duration ttl)
    : events_(events),
      socket_(io::make_socket(context, io::Role::heartbeats_out, heartbeats)),
      truth_(prefix_of_run(), cut(options.users, options.mass_silence, options.ids_per_message),
             ttl),
      edges_(options.edges),
      churn_per_us_(static_cast<double>(options.churn) / 1e6),
      last_turn_(io::now()) {
    socket_.set(zmq::sockopt::sndtimeo, static_cast<int>(kSendWithin / 1ms));
    groups_per_us_ =
        static_cast<double>(truth_.groups()) / static_cast<double>(std::max(interval, 1us).count());
    std::uint32_t user = 0;
    std::vector<std::string> ids;
    std::vector<Heartbeat> beats;
    for (std::size_t group = 0; group < truth_.groups(); ++group) {
        ids.clear();
        beats.clear();
        for (std::uint32_t i = 0; i < truth_.users_in(group); ++i)
            ids.push_back(truth_.id_of(user++));
        for (const auto& id : ids)
            beats.emplace_back().user = id;
        const auto edge = edge_of(group, edges_);
        messages_.push_back(message_of(edge, beats));
        for (auto& beat : beats)
            beat.bye = true;
        if (options.bye) byes_.push_back(message_of(edge, beats));
        if (user <= options.mass_silence) mass_groups_ = group + 1;
    }
    modes_.resize(truth_.groups(), Mode::beating);
    next_churned_ = mass_groups_;
    if (options.random_order) draw_arrivals(options.ids_per_message);
}

// Users come through the edge that they beat through.
void BenchLoad::draw_arrivals(std::uint64_t ids_per_message) {
    std::mt19937 random(kOrderSeed);
    const auto edges = std::max<std::uint64_t>(edges_, 1);
    for (std::uint64_t edge = 0; edge < edges; ++edge) {
        std::vector<std::uint32_t> users;
        std::uint32_t user = 0;
        for (std::size_t group = 0; group < truth_.groups(); ++group)
            for (const auto end = user + truth_.users_in(group); user < end; ++user)
                if (group % edges == edge) users.push_back(user);
        std::shuffle(users.begin(), users.end(), random);
        for (std::size_t at = 0; at < users.size(); at += ids_per_message) {
            const auto end = std::min<std::size_t>(at + ids_per_message, users.size());
            arrivals_.push_back({edge_of(edge, edges_),
                                 {users.begin() + static_cast<std::ptrdiff_t>(at),
                                  users.begin() + static_cast<std::ptrdiff_t>(end)}});
        }
    }
}

std::string BenchLoad::arrival(std::size_t n) const {
    std::vector<std::string> ids;
    for (const auto user : arrivals_[n].users)
        ids.push_back(truth_.id_of(user));
    std::vector<Heartbeat> beats;
    for (const auto& id : ids)
        beats.emplace_back().user = id;
    return message_of(arrivals_[n].edge, beats);
}

void BenchLoad::send(std::size_t group, Instant now) {
    truth_.on_sent(group, now);
    send_bytes(messages_[group]);
    sent_ += truth_.users_in(group);
}

void BenchLoad::send_bye(std::size_t group, Instant now) {
    truth_.on_bye(group, now);
    send_bytes(byes_[group]);
    sent_ += truth_.users_in(group);
}

void BenchLoad::send_bytes(const std::string& message) {
    if (!socket_.send(zmq::buffer(message), zmq::send_flags::none))
        throw io::SocketError("the collector has taken no heartbeat for " +
                              format_duration(kSendWithin));
}

bool BenchLoad::send_first() {
    const bool grouped = arrivals_.empty();
    const auto messages = grouped ? truth_.groups() : arrivals_.size();
    // Each message has users of many groups: none can be told offline before they are sent to.
    if (!grouped && first_sent_ == 0)
        for (std::size_t group = 0; group < truth_.groups(); ++group)
            truth_.on_sent(group, io::now());
    for (int n = 0; n < kSendsPerTurn && first_sent_ < messages; ++n, ++first_sent_) {
        if (grouped) {
            send(first_sent_, io::now());
        } else {
            send_bytes(arrival(first_sent_));
            sent_ += arrivals_[first_sent_].users.size();
        }
    }
    last_turn_ = io::now();
    return first_sent_ < messages;
}

void BenchLoad::turn(bool saturate) {
    const Instant now = io::now();
    read_events();
    if (churning_) churn(now);
    send_due(now, saturate);
    last_turn_ = now;
    if (!saturate && due_ < 1) io::poll({}, 1ms);
}

void BenchLoad::read_events() {
    for (const auto& message : events_.take()) {
        const auto batch = decode_batch(message.batch);
        if (!batch) {
            ++batches_lost_;
            continue;
        }
        last_batch_.resize(std::max(last_batch_.size(), message.tracker + 1));
        auto& [boot, number] = last_batch_[message.tracker];
        if (boot != 0 && (batch->boot != boot || batch->number != number + 1)) ++batches_lost_;
        boot = batch->boot;
        number = batch->number;
        for (const auto& slot : batch->slots)
            for (const auto& event : slot.events)
                truth_.on_event(event, message.received);
    }
}

void BenchLoad::send_due(Instant now, bool saturate) {
    // What a stall left undone is not made up for beyond one round: that would be another load.
    due_ = std::min(due_ + groups_per_us_ * static_cast<double>((now - last_turn_).count()),
                    static_cast<double>(truth_.groups()));
    for (int n = 0; n < kSendsPerTurn && (saturate || due_ >= 1); ++n) {
        if (modes_[next_] == Mode::beating) send(next_, io::now());
        next_ = (next_ + 1) % truth_.groups();
        if (!saturate) due_ -= 1;
    }
    if (saturate) due_ = 0;
}

void BenchLoad::churn(Instant now) {
    std::erase_if(away_, [&](std::size_t group) {
        if (truth_.online_in(group) != 0) return false;
        modes_[group] = Mode::beating;
        if (!byes_.empty()) send(group, io::now());
        return true;
    });
    churn_due_ += churn_per_us_ * static_cast<double>((now - last_turn_).count());
    for (std::size_t looked = mass_groups_; looked < truth_.groups(); ++looked) {
        if (churn_due_ < truth_.users_in(next_churned_)) return;
        const auto group = next_churned_;
        next_churned_ = group + 1 < truth_.groups() ? group + 1 : mass_groups_;
        if (modes_[group] != Mode::beating || truth_.online_in(group) == 0) continue;
        modes_[group] = Mode::silent;
        if (!byes_.empty()) send_bye(group, io::now());
        away_.push_back(group);
        churn_due_ -= truth_.users_in(group);
    }
}

void BenchLoad::silence_mass() {
    std::fill_n(modes_.begin(), mass_groups_, Mode::silent);
}

std::uint32_t BenchLoad::mass_online() const {
    std::uint32_t online = 0;
    for (std::size_t group = 0; group < mass_groups_; ++group)
        online += truth_.online_in(group);
    return online;
}

}  // namespace presence::cli
