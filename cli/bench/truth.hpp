#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"
#include "common/wire/event.hpp"

namespace presence::cli {

// What the load generator knows by itself of its users, from what it sent and when; and whether the
// transitions that came back agree. Shares no logic with the pipeline.
//
// Users are told apart by number and sent in groups, one message each: a whole group beats or is
// silent. An offline is wrong if it came before the group's last send + ttl and no bye was sent, an
// online if the user was told online already, any event if nothing was ever sent.
//
// Pure. Times never go back.
class BenchTruth {
public:
    // Group g holds users [first_of[g], first_of[g + 1]); the last element is the number of users.
    // `prefix`: what the ids of this run begin with; its number follows in ten digits.
    BenchTruth(std::string prefix, std::vector<std::uint32_t> first_of, Duration ttl);

    [[nodiscard]] static std::string id_of(std::string_view prefix, std::uint32_t user);
    [[nodiscard]] std::string id_of(std::uint32_t user) const { return id_of(prefix_, user); }
    [[nodiscard]] std::size_t groups() const { return sent_.size(); }
    [[nodiscard]] std::uint32_t users_in(std::size_t group) const {
        return first_of_[group + 1] - first_of_[group];
    }
    [[nodiscard]] std::uint32_t users() const { return first_of_.back(); }

    // `before`: read before the send, so the collector read it later.
    void on_sent(std::size_t group, Instant before);
    // The group leaves by its own word. Requires: it comes back only once all are told offline.
    void on_bye(std::size_t group, Instant before);
    // Users of other prefixes are not ours to judge.
    void on_event(const Event& event, Instant received);

    [[nodiscard]] std::uint64_t online() const { return online_; }
    [[nodiscard]] std::uint32_t online_in(std::size_t group) const {
        return told_online_in_[group];
    }

    // Users whose last telling is wrong at `now`, `allowance` after which all must be told: beating
    // but told offline, silent for ttl + allowance but told online.
    [[nodiscard]] std::uint64_t missing(Instant now, Duration allowance) const;

    struct Faults {
        std::uint64_t early = 0;     // offline before last send + ttl
        std::uint64_t repeated = 0;  // told what was told before
        std::uint64_t unknown = 0;   // nobody we sent
        [[nodiscard]] std::uint64_t total() const { return early + repeated + unknown; }
    };
    [[nodiscard]] const Faults& faults() const { return faults_; }
    [[nodiscard]] std::uint64_t transitions() const { return transitions_; }

    // Of each right offline: received - (last send + ttl, or the bye). The collector reads after
    // the send, so this is never less than the lateness from the last read. Starts anew.
    [[nodiscard]] std::vector<Duration> take_lateness();

private:
    struct Sent {
        std::optional<Instant> last, before;  // the last two sends
        std::optional<Instant> bye;           // since the last send
    };
    [[nodiscard]] std::optional<std::uint32_t> number_of(std::string_view id) const;
    // Since when silence of the group made its users offline, if at `received` it had.
    [[nodiscard]] std::optional<Instant> offline_from(const Sent& sent, Instant received) const;

    std::string prefix_;
    std::vector<std::uint32_t> first_of_;
    Duration ttl_;
    std::vector<Sent> sent_;  // by group
    std::vector<std::uint32_t> told_online_in_;
    std::vector<bool> told_online_;  // by user
    std::uint64_t online_ = 0;
    std::uint64_t transitions_ = 0;
    Faults faults_;
    std::vector<Duration> lateness_;
};

}  // namespace presence::cli
