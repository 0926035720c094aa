#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "common/follow/follower.hpp"
#include "common/throttle.hpp"
#include "common/time.hpp"
#include "common/wire/query.hpp"
#include "notifier/counters.hpp"
#include "notifier/deliver/dead_letters.hpp"
#include "notifier/deliver/delivery.hpp"
#include "notifier/deliver/sink_store.hpp"
#include "notifier/deliver/wish.hpp"
#include "notifier/sinks/reasons.hpp"
#include "notifier/sinks/worker.hpp"

namespace presence::notifier {

// One sink and what it still has to be told: carries chunks from its Delivery to its Worker, and
// tells the log how the sink fares, seldom enough that a sink which is down cannot flood it.
class SinkRunner {
public:
    static constexpr Duration kTellInterval = 10s;  // of one sink's troubles, each for its reason
    static constexpr Duration kSlow = 10s;          // a chunk under way for longer is worth a line
    static constexpr Duration kLookInterval = 1s;   // for what an operator wants
    static constexpr Duration kCountInterval = 1h;  // of those who are online at the place
    // Lines that a program has and has not acknowledged; after a kill as many are given twice.
    static constexpr std::size_t kUnacknowledgedMax = 100;
    static constexpr Duration kStartMax = 10s;  // a sink that takes longer is not waited for

    // Goes on from what was kept in the store; without a directory nothing is. Throws StoreError.
    SinkRunner(const SinkConfig& config, FollowerOptions follower, SlotMap map,
               const io::Store::Options& store, const std::string& cluster = {});

    void on_heard(TrackerMessagePtr heard) { delivery_.on_heard(std::move(heard)); }
    // Takes the outcome of the last chunk, takes in what came, gives the next. Appends questions.
    void turn(Instant now, WallOffset wall, std::vector<Question>& questions);
    // A sink that was gone is tried again.
    void reopen();

    [[nodiscard]] int fd() const { return worker_.fd(); }
    [[nodiscard]] Instant next_wakeup() const;
    [[nodiscard]] bool idle() const { return delivery_.idle(); }
    // The sink wants nothing more: nothing is given to it until reopen().
    [[nodiscard]] bool gone() const { return gone_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] SinksAnswer::Sink status(Instant now, WallOffset wall) const;
    [[nodiscard]] NotifierCounters counters() const;
    [[nodiscard]] FollowCounters followed() const { return delivery_.followed(); }
    [[nodiscard]] std::uint64_t online() const { return delivery_.follower().online(); }
    [[nodiscard]] std::uint64_t waiting() const { return delivery_.waiting(); }
    // Told all there is up to now, each tracker heard and each user compared.
    [[nodiscard]] bool in_step() const { return delivery_.follower().in_step(); }
    // It is, or would be but for the sink, which refuses what it is told or has much to take.
    [[nodiscard]] bool started(Instant now);

    // Nothing more is given; what is under way may still be taken.
    void stop(Instant deadline) { worker_.stop(deadline); }
    [[nodiscard]] bool ended(Instant now);

private:
    // In a word, and since when.
    [[nodiscard]] std::pair<std::string_view, Instant> state(Instant now) const;
    void tell_begin(const std::filesystem::path& directory) const;
    void take_news();
    void give_next(Instant now);
    void give_look();
    [[nodiscard]] bool give_count(Instant now);
    [[nodiscard]] bool give_page(Instant now);
    void on_page(const Report& report, Instant now);
    void begin_refill(const SinkNews::Refill& refill);
    [[nodiscard]] Worker::Task task_of(Delivery::Job job) const;
    void on_report(const Report& report, Instant now);
    void on_taken();
    void on_failed(const Failure& failure, Instant now);
    void on_given_up(const Report& report, std::uint64_t events, Instant now);
    void tell_refusing();
    void tell_state(Instant now);
    void tell_dead(Instant now);

    std::string name_;
    SinkType type_;
    Delivery delivery_;
    // The worker's thread's while something is under way; it may outlive this.
    std::shared_ptr<SinkStore> keeper_;
    std::shared_ptr<DeadLetters> dead_;  // null: nothing is kept
    std::shared_ptr<SinkNews> news_ = std::make_shared<SinkNews>();
    std::shared_ptr<SinkView> view_ = std::make_shared<SinkView>();
    Worker worker_;
    enum class UnderWay { nothing, chunk, giving_up, look, count, page };
    UnderWay under_way_ = UnderWay::nothing;
    bool gone_ = false;
    Instant given_{};
    Throttle look_{kLookInterval};
    Instant count_at_ = Instant::max();
    std::filesystem::path wish_;              // for a refill; empty: the place holds what happened
    std::shared_ptr<StatePlace::Page> page_;  // asked for, the worker's thread's until it is here
    std::uint64_t page_of_ = 0;               // the refill it was asked for
    Instant next_page_{};
    std::uint64_t refill_done_ = 0;
    bool page_last_ = false;  // rather a chunk now
    std::uint64_t failures_in_row_ = 0;
    NotifierCounters counters_;  // of what the sink itself gave up or said
    std::string last_failure_;   // of the place
    std::string last_reason_;    // of it or of our own disk
    Instant failing_since_{};
    Instant behind_since_{};
    // Why: events were given up; they could not be; letters cannot be read; the sink failed.
    Reasons dead_reasons_{kTellInterval}, not_kept_{kTellInterval}, unread_{kTellInterval};
    Reasons failures_{kTellInterval};
    bool told_behind_ = false;
    bool told_refusing_ = false;
    std::uint64_t gap_told_ = 0;
    Instant heard_all_at_ = Instant::max();
    Throttle tell_slow_{kTellInterval};
};

}  // namespace presence::notifier
