#include "notifier/channel.hpp"

#include <algorithm>

#include "common/io/clock.hpp"
#include "common/io/log.hpp"

namespace presence::notifier {

namespace {

Delivery::Options options_of(const SinkConfig& config) {
    Delivery::Options options;
    options.queue_max = config.queue_max;
    options.mode = config.mode == "latest" ? Delivery::Mode::latest : Delivery::Mode::every;
    // One chunk, one request: confirmed as it is taken, and its id is that of the chunk.
    if (config.type == "webhook") options.chunk_max = config.webhook.batch_max;
    return options;
}

std::int64_t milliseconds(Duration d) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

}  // namespace

Channel::Channel(const SinkConfig& config, FollowerOptions follower, SlotMap map,
                 const std::filesystem::path& directory, const std::string& owner)
    : name_(config.name),
      delivery_(options_of(config), std::move(follower), std::move(map),
                hash_of(config.name) ^ static_cast<std::uint64_t>(micros(io::now()))),
      keeper_(directory.empty() ? nullptr : std::make_shared<Keeper>(directory, owner, delivery_)),
      worker_(config) {}

void Channel::turn(Instant now, WallOffset wall, std::vector<Question>& questions) {
    if (const auto outcome = worker_.outcome()) on_outcome(*outcome, now);
    delivery_.turn(now, wall, questions);
    if (!under_way_ && !gone_)
        if (auto job = delivery_.next(now)) {
            under_way_ = true;
            given_ = now;
            give(std::move(*job));
        }
    tell_state(now);
}

void Channel::give(Delivery::Job job) {
    Worker::Task task;
    task.chunk = std::move(job.chunk);
    if (keeper_) {
        task.before = [keeper = keeper_, keep = std::move(job.keep)] {
            if (keep) keeper->before(*keep);
        };
        // The chunk was taken all the same: at worst it is told again after a restart.
        task.after = [keeper = keeper_, name = name_, facts = std::move(job.facts)] {
            try {
                keeper->after(facts);
            } catch (const io::StoreError& failure) {
                io::log::warn("sink_not_kept", {{"sink", name}, {"reason", failure.what()}});
            }
        };
    }
    worker_.give(std::move(task));
}

void Channel::reopen() {
    worker_.reopen();
    gone_ = false;
}

bool Channel::ended(Instant now) {
    if (const auto outcome = worker_.outcome()) on_outcome(*outcome, now);
    return worker_.ended();
}

void Channel::on_outcome(const Worker::Outcome& outcome, Instant now) {
    under_way_ = false;
    if (outcome.taken) {
        delivery_.on_delivered();
        if (failures_in_row_ > 0)
            io::log::info("sink_recovered", {{"sink", name_}, {"failures", failures_in_row_}});
        failures_in_row_ = 0;
        return;
    }
    delivery_.on_failed(now, outcome.retry_after);
    ++failures_in_row_;
    if (outcome.gone) {
        gone_ = true;
        io::log::error(
            "sink_gone",
            {{"sink", name_}, {"reason", outcome.failure}, {"waiting", delivery_.stats().waiting}});
        return;
    }
    if (now < tell_failure_at_) return;
    tell_failure_at_ = now + kTellInterval;
    io::log::warn("sink_failed", {{"sink", name_},
                                  {"reason", outcome.failure},
                                  {"failures", failures_in_row_},
                                  {"waiting", delivery_.stats().waiting}});
}

void Channel::tell_state(Instant now) {
    const auto stats = delivery_.stats();
    if (under_way_ && now - given_ >= kSlow && now >= tell_slow_at_) {
        tell_slow_at_ = now + kTellInterval;
        io::log::warn("sink_hangs", {{"sink", name_},
                                     {"since_ms", milliseconds(now - given_)},
                                     {"waiting", stats.waiting}});
    }
    if (stats.behind == told_behind_) return;
    told_behind_ = stats.behind;
    if (stats.behind)
        io::log::warn("sink_behind", {{"sink", name_}, {"waiting", stats.waiting}});
    else
        io::log::info("sink_caught_up", {{"sink", name_}, {"let_go", stats.let_go}});
}

Instant Channel::next_wakeup() const {
    if (under_way_) return std::max(given_ + kSlow, tell_slow_at_);
    return gone_ ? Instant::max() : delivery_.next_wakeup();
}

}  // namespace presence::notifier
