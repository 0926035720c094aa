#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/backoff.hpp"
#include "common/time.hpp"
#include "notifier/sinks/report.hpp"

namespace presence::notifier {

// Which items of a portion a sink is given next, and which are given up, by whose fault it was that
// some were not taken:
//
// - The place's: the same items again after a pause, without end.
// - An event's: the items are halved until one stands alone. That one is given up.
// - Unclear: again after a pause, then halved as well. One that fails alone is set aside: it is
//   tried again now and then, alone, while the items of other users go on. It is given up once it
//   has failed for `give_up_after` and the sink took any other meanwhile.
//
// If kInARow items failed alone and nothing was taken between, it is the place's fault whatever it
// says: it refuses everything, and no more are given up until it takes one.
//
// No item is given while an earlier one of its user was neither taken nor given up.
//
// Pure. Times never go back.
class Retries {
public:
    static constexpr int kInARow = 10;
    static constexpr std::size_t kAsideMax = 100;  // users; beyond, all wait for one
    static constexpr Duration kAgainMin = 1s;      // between tries of one set aside,
    static constexpr Duration kAgainMax = 1min;    // which is tried less often as it ages
    static constexpr Duration kBackoffMax = 10s;

    struct Options {
        std::size_t chunk_max = 5'000;   // items handed out at once
        Duration backoff_first = 100ms;  // after a failure; see Backoff
        Duration backoff_max = kBackoffMax;
        Duration give_up_after{0};  // 0: what is unclear is never given up
        // Deprecated. Failures in a row after which what was handed out is given up, be they the
        // place's fault or unclear; then nothing is set aside. 0: never.
        std::uint64_t attempts_max = 0;
    };
    Retries(Options options, std::uint64_t seed);

    // The items of a new portion, by their users, numbered from 0. Those of users who are set aside
    // wait, in order, from the first on, which has to be the one that failed. Requires: nothing is
    // handed out or left, but what was set aside and is among them. The texts outlive the portion.
    void begin(std::vector<std::string_view> users);

    struct Step {
        std::vector<std::size_t> items;  // one at least
        // Not 0: tried so often, and to be given up.
        std::uint64_t attempts = 0;
    };
    // What to do next, or nothing while it is being done, a pause runs, or nothing is left.
    [[nodiscard]] std::optional<Step> next(Instant now);
    // How the step fared. Of one that gives up, whether that is kept (all done), or not (a
    // failure).
    void on_report(const Report& report, Instant now);
    // Nothing is to be tried for a while.
    void pause(Instant now, Duration at_least = {});

    [[nodiscard]] Instant not_before() const { return not_before_; }
    [[nodiscard]] Instant next_wakeup() const;
    // How many leading items are done once the step is.
    [[nodiscard]] std::size_t leading() const;
    // In order.
    [[nodiscard]] std::vector<std::size_t> left() const;
    [[nodiscard]] std::size_t left_count() const { return left_; }
    // All that is left waits for somebody who is set aside.
    [[nodiscard]] bool only_aside() const;
    [[nodiscard]] std::size_t aside() const { return aside_.size(); }  // users
    [[nodiscard]] bool refuses_everything() const { return alone_in_row_ >= kInARow; }

private:
    using Items = std::vector<std::size_t>;
    // Of a user: the first item failed alone, those behind it wait.
    struct Aside {
        Instant since{};
        Instant again_at{};
        std::uint64_t attempts = 0;
        std::deque<std::size_t> items{};
    };
    enum class Kind : std::uint8_t { chunk, aside, burial };
    struct Current {
        Kind kind = Kind::chunk;
        Items items;
        std::uint64_t attempts = 0;
    };

    [[nodiscard]] std::optional<Current> choose(Instant now);
    [[nodiscard]] Items cut();
    [[nodiscard]] bool put_aside(std::size_t item);
    void on_taken(Instant now);
    void on_failed(Items rest, const Failure& failure, Instant now);
    void on_failed_aside(std::size_t item, const Failure& failure, Instant now);
    void on_failed_burial(Items rest, Instant now);
    void on_alone(std::size_t item, Fault fault, Instant now);
    [[nodiscard]] bool may_die() const { return alone_in_row_ <= kInARow; }
    void again(Items items);
    void halve(const Items& items);
    void isolate(const Items& items, const Items& alone);
    void release(std::size_t item);
    void finish(std::size_t item);

    Options options_;
    Backoff backoff_;
    std::vector<std::string_view> users_;
    std::vector<bool> done_;
    std::size_t left_ = 0;
    std::size_t first_ = 0;      // not done
    std::size_t next_ = 0;       // handed out never
    std::vector<Items> pieces_;  // to be tried before those; the last one first
    std::map<std::string, Aside, std::less<>> aside_;
    std::optional<Current> burial_;   // to be handed out
    std::optional<Current> current_;  // handed out
    Instant not_before_{};
    Instant took_at_ = Instant::min();
    std::uint64_t attempts_ = 0;  // failures in a row, as attempts_max counts them
    int unclear_in_row_ = 0;
    int alone_in_row_ = 0;  // items that failed alone since one was taken
};

}  // namespace presence::notifier
