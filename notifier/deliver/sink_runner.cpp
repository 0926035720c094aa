#include "notifier/deliver/sink_runner.hpp"

#include <algorithm>

#include "common/io/clock.hpp"
#include "common/io/fault_point.hpp"
#include "common/io/log.hpp"

namespace presence::notifier {

namespace {

Delivery::Options options_of(const SinkConfig& config) {
    Delivery::Options options;
    options.queue_max = config.queue_max;
    options.mode = config.mode == SinkMode::latest ? Delivery::Mode::latest : Delivery::Mode::every;
    // One chunk, one request: confirmed as it is taken, and its id is that of the chunk.
    if (config.type == SinkType::webhook) options.chunk_max = config.webhook.batch_max;
    // A program's lines are not taken because they are in its pipe: the sink itself knows.
    if (config.type != SinkType::exec) options.attempts_max = config.attempts_max;
    if (config.acknowledge) options.chunk_max = SinkRunner::kUnacknowledgedMax;
    return options;
}

std::int64_t milliseconds(Duration d) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

std::shared_ptr<DeadLetters> dead_letters_of(const SinkConfig& config,
                                             const std::filesystem::path& directory) {
    if (directory.empty() || (config.attempts_max == 0 && !DeadLetters::there(directory)))
        return {};
    auto dead = std::make_shared<DeadLetters>(directory, config.dead_max,
                                              DeadLetters::Damaged::moved_aside);
    if (const auto& moved = dead->moved())
        io::log::warn("dead_letters_damaged", {{"sink", config.name}, {"found", *moved}});
    return dead;
}

SinkHost host_of(const std::shared_ptr<SinkNews>& news, const std::shared_ptr<DeadLetters>& dead) {
    const auto give_up = [news, dead](const DeadLine& line, const std::string& failure,
                                      std::uint64_t attempts) {
        dead->add({line}, failure, attempts, millis(io::wall_now()));
        news->add_dead(failure);
    };
    return {give_up, news};
}

// Whatever happens here, the chunk was taken: at worst it is told again after a restart.
void go_on(SinkStore& keeper, DeadLetters* dead, const std::string& name,
           const std::vector<Event>& taken, const std::string& facts) {
    try {
        const auto letters = dead == nullptr ? 0 : dead->taken(taken);
        if (letters > 0)
            io::log::info("dead_letters_replayed", {{"sink", name}, {"letters", letters}});
        keeper.after(facts);
    } catch (const io::StoreError& failure) {
        io::log::warn("sink_not_kept", {{"sink", name}, {"reason", failure.what()}});
    }
}

}  // namespace

SinkRunner::SinkRunner(const SinkConfig& config, FollowerOptions follower, SlotMap map,
                       const io::Store::Options& store)
    : name_(config.name),
      delivery_(options_of(config), std::move(follower), std::move(map),
                hash_of(config.name) ^ static_cast<std::uint64_t>(micros(io::now()))),
      keeper_(store.directory.empty() ? nullptr : std::make_shared<SinkStore>(store, delivery_)),
      dead_(dead_letters_of(config, store.directory)),
      worker_(config, store.directory, host_of(news_, dead_)) {
    if (keeper_) tell_begin(store.directory);
}

// Which directory, and how far: a wrong one is a sink that is told all anew, or long ago.
void SinkRunner::tell_begin(const std::filesystem::path& directory) const {
    const auto data = std::filesystem::absolute(directory).lexically_normal().string();
    if (keeper_->begins()) return io::log::info("sink_begins", {{"sink", name_}, {"data", data}});
    std::string after;
    for (const auto& place : delivery_.places())
        after +=
            (after.empty() ? "" : ",") + place.tracker + ":" + std::to_string(place.cursor.batch);
    io::log::info("sink_goes_on", {{"sink", name_},
                                   {"data", data},
                                   {"after_batch", after},
                                   {"online", online()},
                                   {"waiting", waiting()}});
}

void SinkRunner::turn(Instant now, WallOffset wall, std::vector<Question>& questions) {
    if (const auto outcome = worker_.outcome()) on_outcome(*outcome, now);
    take_news();
    delivery_.turn(now, wall, questions);
    if (under_way_ == UnderWay::nothing && !gone_) give_next(now);
    tell_state(now);
    tell_dead(now);
}

void SinkRunner::take_news() {
    const auto news = news_->take();
    for (const auto& why : news.dead)
        dead_reasons_.add(why, 1);
    counters_["dead"] += news.dead.size();
    counters_["answers_ignored"] += news.answers_ignored;
}

NotifierCounters SinkRunner::counters() const {
    auto all = counters_;
    all += delivery_.counters();
    all["gone"] = gone_ ? 1 : 0;
    return all;
}

void SinkRunner::give_next(Instant now) {
    given_ = now;
    // First: a sink that always has something to take would never come to it.
    if (dead_ && look_.take(now)) {
        under_way_ = UnderWay::look;
        worker_.give({{}, [dead = dead_] { dead->look(); }, {}});
        return;
    }
    auto job = delivery_.next(now);
    if (!job) return;
    under_way_ = job->attempts > 0 ? UnderWay::giving_up : UnderWay::chunk;
    worker_.give(task_of(std::move(*job)));
}

Worker::Task SinkRunner::task_of(Delivery::Job job) const {
    Worker::Task task;
    if (!keeper_) {
        task.chunk = std::move(job.chunk);
        return task;
    }
    task.before = [keeper = keeper_, keep = std::move(job.keep)] {
        if (keep) keeper->before(*keep);
    };
    if (job.attempts > 0)
        task.before = [keep = std::move(task.before), dead = dead_, events = std::move(job.chunk),
                       failure = last_failure_, attempts = job.attempts] {
            keep();
            dead->add(events, failure, attempts, millis(io::wall_now()));
            io::fault_point("sink.given_up");
        };
    else
        task.chunk = std::move(job.chunk);
    task.after = [keeper = keeper_, dead = dead_, name = name_,
                  facts = std::move(job.facts)](const std::vector<Event>& taken) {
        go_on(*keeper, dead.get(), name, taken, facts);
    };
    return task;
}

void SinkRunner::reopen() {
    worker_.reopen();
    gone_ = false;
}

bool SinkRunner::ended(Instant now) {
    if (const auto outcome = worker_.outcome()) on_outcome(*outcome, now);
    return worker_.ended();
}

void SinkRunner::on_outcome(const Worker::Outcome& outcome, Instant now) {
    const auto what = std::exchange(under_way_, UnderWay::nothing);
    if (dead_) delivery_.want(dead_->wanted());
    if (what == UnderWay::giving_up)
        on_given_up(outcome, now);
    else if (what == UnderWay::chunk && outcome.taken)
        on_taken();
    else if (what == UnderWay::chunk)
        on_failed(outcome, now);
    else if (!outcome.taken && unread_.may_tell(outcome.failure, now))
        io::log::warn("dead_letters_unread", {{"sink", name_}, {"reason", outcome.failure}});
}

void SinkRunner::on_taken() {
    delivery_.on_delivered();
    if (failures_in_row_ > 0)
        io::log::warn("sink_recovered", {{"sink", name_}, {"failures", failures_in_row_}});
    failures_in_row_ = 0;
}

void SinkRunner::on_failed(const Worker::Outcome& outcome, Instant now) {
    delivery_.on_failed(now, outcome.retry_after, outcome.refused && !outcome.gone);
    if (outcome.refused) last_failure_ = outcome.failure;
    ++failures_in_row_;
    if (outcome.gone) {
        gone_ = true;
        io::log::error("sink_gone",
                       {{"sink", name_}, {"reason", outcome.failure}, {"waiting", waiting()}});
        return;
    }
    if (!failures_.may_tell(outcome.failure, now)) return;
    io::log::warn("sink_failed", {{"sink", name_},
                                  {"reason", outcome.failure},
                                  {"failures", failures_in_row_},
                                  {"waiting", waiting()}});
}

void SinkRunner::on_given_up(const Worker::Outcome& outcome, Instant now) {
    if (outcome.taken) {
        const auto before = delivery_.counters()["dead"];
        delivery_.on_delivered();
        dead_reasons_.add(last_failure_, delivery_.counters()["dead"] - before);
        return;
    }
    delivery_.on_failed(now, {}, false);
    if (!not_kept_.may_tell(outcome.failure, now)) return;
    io::log::error("dead_letters_not_kept",
                   {{"sink", name_}, {"reason", outcome.failure}, {"waiting", waiting()}});
}

// What was given up since it was told last, each with its own reason.
void SinkRunner::tell_dead(Instant now) {
    for (const auto& [reason, events] : dead_reasons_.take(now))
        io::log::error("dead_letters", {{"sink", name_}, {"events", events}, {"reason", reason}});
}

void SinkRunner::tell_state(Instant now) {
    if (under_way_ != UnderWay::nothing && now - given_ >= kSlow && tell_slow_.take(now)) {
        io::log::warn(
            "sink_hangs",
            {{"sink", name_}, {"since_ms", milliseconds(now - given_)}, {"waiting", waiting()}});
    }
    const auto gap_told = delivery_.gap_told();
    if (gap_told != gap_told_)
        io::log::warn("gap_told", {{"sink", name_}, {"notices", gap_told - gap_told_}});
    gap_told_ = gap_told;
    if (delivery_.behind() == told_behind_) return;
    told_behind_ = delivery_.behind();
    if (told_behind_)
        io::log::warn("sink_behind", {{"sink", name_}, {"waiting", waiting()}});
    else
        io::log::warn("sink_caught_up",
                      {{"sink", name_}, {"let_go", delivery_.counters()["let_go"]}});
}

bool SinkRunner::started(Instant now) {
    if (!delivery_.heard_all()) return false;
    heard_all_at_ = std::min(heard_all_at_, now);
    const bool held_up =
        gone_ || failures_in_row_ > 0 || (!idle() && now >= heard_all_at_ + kStartMax);
    return in_step() || held_up;
}

Instant SinkRunner::next_wakeup() const {
    if (under_way_ != UnderWay::nothing) return std::max(given_ + kSlow, tell_slow_.next());
    if (gone_) return Instant::max();
    return std::min(delivery_.next_wakeup(), dead_ ? look_.next() : Instant::max());
}

}  // namespace presence::notifier
