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
    options.log_beside = !config.redis.stream.empty() || !config.redis.publish.empty() ||
                         !config.postgres.history.empty();
    options.selection = {config.states, config.reasons};
    options.delay = config.delay;
    auto& retries = options.retries;
    if (config.type == SinkType::webhook) retries.chunk_max = config.webhook.batch_max;
    retries.give_up_after = config.give_up_after;
    // A program's lines are not taken because they are in its pipe: the sink itself knows.
    if (config.type != SinkType::exec) retries.attempts_max = config.attempts_max;
    if (config.acknowledge) retries.chunk_max = SinkRunner::kUnacknowledgedMax;
    return options;
}

std::int64_t milliseconds(Duration d) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}

std::shared_ptr<DeadLetters> dead_letters_of(const SinkConfig& config,
                                             const std::filesystem::path& directory) {
    if (directory.empty()) return {};
    auto dead = std::make_shared<DeadLetters>(directory, config.dead_max,
                                              DeadLetters::Damaged::moved_aside);
    if (const auto& moved = dead->moved())
        io::log::warn("dead_letters_damaged", {{"sink", config.name}, {"found", *moved}});
    return dead;
}

SinkHost host_of(const std::shared_ptr<SinkNews>& news, const std::shared_ptr<SinkView>& view,
                 const std::shared_ptr<DeadLetters>& dead, const Mark& kept,
                 const std::string& cluster) {
    const auto give_up = [news, dead](const DeadLine& line, const std::string& failure,
                                      std::uint64_t attempts) {
        dead->add({line}, failure, attempts, millis(io::wall_now()));
        news->add_dead(failure);
    };
    return {give_up, news, view, kept, cluster};
}

// Whatever happens here, these were taken: at worst they are told again after a restart.
void go_on(SinkStore& keeper, DeadLetters& dead, const std::string& name,
           const std::vector<Event>& taken, const std::string* facts) {
    try {
        if (const auto letters = dead.taken(taken); letters > 0)
            io::log::info("dead_letters_replayed", {{"sink", name}, {"letters", letters}});
        if (facts != nullptr) keeper.after(*facts);
    } catch (const io::StoreError& failure) {
        io::log::warn("sink_not_kept", {{"sink", name}, {"reason", failure.what()}});
    }
}

}  // namespace

SinkRunner::SinkRunner(const SinkConfig& config, FollowerOptions follower, SlotMap map,
                       const io::Store::Options& store, const std::string& cluster)
    : name_(config.name),
      type_(config.type),
      delivery_(options_of(config), std::move(follower), std::move(map),
                hash_of(config.name) ^ static_cast<std::uint64_t>(micros(io::now()))),
      keeper_(store.directory.empty() ? nullptr : std::make_shared<SinkStore>(store, delivery_)),
      dead_(dead_letters_of(config, store.directory)),
      worker_(config, store.directory, host_of(news_, view_, dead_, delivery_.mark(), cluster)) {
    if (is_state_place(config.type)) wish_ = wish_for_refill(store.directory);
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
    if (const auto report = worker_.outcome()) on_report(*report, now);
    take_news();
    delivery_.turn(now, wall, questions);
    const auto& refill = delivery_.refilling();
    const auto& currency = delivery_.currency();
    view_->set({currency.as_of_ms(), currency.freshness(), refill.done()});
    if (std::exchange(refill_done_, refill.done()) != refill.done() && !refill.under_way()) {
        std::error_code error;
        std::filesystem::remove(wish_, error);  // granted
        io::log::info("sink_refilled", {{"sink", name_}});
    }
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
    if (news.refill) begin_refill(*news.refill);
}

void SinkRunner::begin_refill(const SinkNews::Refill& refill) {
    delivery_.refill(refill.number, refill.told_before);
    refill_done_ = refill.number - 1;
    if (!refill.told_before) return io::log::info("sink_fills", {{"sink", name_}});
    ++counters_["refills"];
    io::log::warn("sink_lost", {{"sink", name_}, {"reason", refill.why}, {"online", online()}});
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
    if (dead_ && look_.take(now)) return give_look();
    if (give_count(now)) return;
    if (!page_last_ && give_page(now)) return;
    auto job = delivery_.next(now);
    if (!job) return (void)give_page(now);
    page_last_ = false;
    under_way_ = job->attempts > 0 ? UnderWay::giving_up : UnderWay::chunk;
    worker_.give(task_of(std::move(*job)));
}

// What an operator wants: replays of dead letters, a refill.
void SinkRunner::give_look() {
    under_way_ = UnderWay::look;
    Worker::Task task;
    task.before = [dead = dead_] { dead->look(); };
    if (!wish_.empty() && !delivery_.refilling().under_way())
        task.ask = [wish = wish_](StatePlace& place) {
            std::error_code error;
            if (std::filesystem::exists(wish, error)) place.want_refill("an operator wants it");
        };
    worker_.give(std::move(task));
}

// Whether as many are online at the place as it was told, but for what was given up.
bool SinkRunner::give_count(Instant now) {
    if (wish_.empty() || !delivery_.all_told()) return false;
    count_at_ = std::min(count_at_, now + kCountInterval);
    if (now < count_at_) return false;
    count_at_ = now + kCountInterval;
    under_way_ = UnderWay::count;
    Worker::Task task;
    task.ask = [told = online(), dead = dead_](StatePlace& place) {
        const auto there = place.count();
        const auto letters = dead->count();
        if (std::max(there, told) - std::min(there, told) > letters)
            place.want_refill(std::to_string(there) + " are online there, and " +
                              std::to_string(told) + " were told to be");
    };
    worker_.give(std::move(task));
    return true;
}

// Who is online at the place, from where the refill is.
bool SinkRunner::give_page(Instant now) {
    const auto cursor = delivery_.wants_page();
    if (!cursor || now < next_page_) return false;
    page_last_ = true;
    page_of_ = delivery_.refilling().done();
    page_ = std::make_shared<StatePlace::Page>();
    under_way_ = UnderWay::page;
    Worker::Task task;
    task.ask = [page = page_, from = *cursor](StatePlace& place) { *page = place.online(from); };
    worker_.give(std::move(task));
    return true;
}

void SinkRunner::on_page(const Report& report, Instant now) {
    const auto page = std::exchange(page_, nullptr);
    if (report.failure) {
        next_page_ = now + kLookInterval;
        return on_failed(*report.failure, now);
    }
    // A later refill asks from the beginning.
    if (page_of_ == delivery_.refilling().done() && delivery_.wants_page())
        delivery_.on_page(page->users, page->cursor);
}

Worker::Task SinkRunner::task_of(Delivery::Job job) const {
    Worker::Task task;
    task.number = job.number;
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
    task.after = [keeper = keeper_, dead = dead_, name = name_, facts = std::move(job.facts)](
                     const std::vector<Event>& taken, bool all) {
        go_on(*keeper, *dead, name, taken, all ? &facts : nullptr);
    };
    return task;
}

void SinkRunner::reopen() {
    worker_.open();
    gone_ = false;
}

bool SinkRunner::ended(Instant now) {
    if (const auto report = worker_.outcome()) on_report(*report, now);
    return worker_.ended();
}

void SinkRunner::on_report(const Report& report, Instant now) {
    const auto what = std::exchange(under_way_, UnderWay::nothing);
    if (dead_) delivery_.want(dead_->wanted());
    if (what == UnderWay::look || what == UnderWay::count) {
        if (report.failure && unread_.may_tell(report.failure->reason, now))
            io::log::warn(what == UnderWay::look ? "dead_letters_unread" : "sink_not_counted",
                          {{"sink", name_}, {"reason", report.failure->reason}});
        return;
    }
    if (what == UnderWay::page) return on_page(report, now);
    const auto dead = delivery_.counters()["dead"];
    if (!report.failure)
        delivery_.on_delivered();
    else
        delivery_.on_report(now, report);
    if (what == UnderWay::giving_up)
        on_given_up(report, delivery_.counters()["dead"] - dead, now);
    else if (report.failure)
        on_failed(*report.failure, now);
    else
        on_taken();
    tell_refusing();
}

void SinkRunner::on_taken() {
    if (failures_in_row_ > 0)
        io::log::warn("sink_recovered", {{"sink", name_}, {"failures", failures_in_row_}});
    failures_in_row_ = 0;
}

void SinkRunner::on_failed(const Failure& failure, Instant now) {
    if (!failure.ours) last_failure_ = failure.reason;
    last_reason_ = failure.reason;
    if (++failures_in_row_ == 1) failing_since_ = now;
    if (failure.gone) {
        gone_ = true;
        io::log::error("sink_gone",
                       {{"sink", name_}, {"reason", failure.reason}, {"waiting", waiting()}});
        return;
    }
    if (!failures_.may_tell(failure.reason, now)) return;
    io::log::warn("sink_failed", {{"sink", name_},
                                  {"reason", failure.reason},
                                  {"failures", failures_in_row_},
                                  {"waiting", waiting()}});
}

void SinkRunner::on_given_up(const Report& report, std::uint64_t events, Instant now) {
    if (!report.failure) return dead_reasons_.add(last_failure_, events);
    if (!not_kept_.may_tell(report.failure->reason, now)) return;
    io::log::error("dead_letters_not_kept",
                   {{"sink", name_}, {"reason", report.failure->reason}, {"waiting", waiting()}});
}

void SinkRunner::tell_refusing() {
    const bool refuses = delivery_.retries().refuses_everything();
    if (std::exchange(told_refusing_, refuses) == refuses) return;
    if (refuses)
        io::log::error("sink_refuses_everything",
                       {{"sink", name_}, {"reason", last_failure_}, {"waiting", waiting()}});
    else
        io::log::warn("sink_takes_again", {{"sink", name_}});
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
    behind_since_ = now;
    if (told_behind_)
        io::log::warn("sink_behind", {{"sink", name_}, {"waiting", waiting()}});
    else
        io::log::warn("sink_caught_up",
                      {{"sink", name_}, {"let_go", delivery_.counters()["let_go"]}});
}

std::pair<std::string_view, Instant> SinkRunner::state(Instant now) const {
    if (gone_) return {"gone", failing_since_};
    if (delivery_.retries().refuses_everything()) return {"refusing", failing_since_};
    if (failures_in_row_ > 0) return {"failing", failing_since_};
    if (under_way_ != UnderWay::nothing && now - given_ >= kSlow) return {"hanging", given_};
    if (delivery_.retries().aside() > 0) return {"failing", {}};
    if (delivery_.refilling().under_way()) return {"refilling", {}};
    if (delivery_.behind()) return {"behind", behind_since_};
    return {in_step() ? "ok" : "catching_up", {}};
}

SinksAnswer::Sink SinkRunner::status(Instant now, WallOffset wall) const {
    SinksAnswer::Sink sink{name_, std::string(word_of(type_))};
    const auto [word, since] = state(now);
    sink.state = word;
    if (since != Instant{}) sink.since_ms = millis(wall.at(since));
    if (word == "gone" || word == "refusing" || word == "failing") sink.reason = last_reason_;
    sink.told_until_ms = delivery_.currency().as_of_ms();
    std::vector<CounterValue> all;
    counters().append_to(all);
    for (const auto& [counter, value] : all)
        sink.numbers.emplace_back(counter->name, value);
    if (dead_) sink.numbers.emplace_back("dead_letters", static_cast<std::int64_t>(dead_->kept()));
    return sink;
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
    return std::min({delivery_.next_wakeup(), dead_ ? look_.next() : Instant::max(),
                     delivery_.wants_page() ? next_page_ : Instant::max()});
}

}  // namespace presence::notifier
