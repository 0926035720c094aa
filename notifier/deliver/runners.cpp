#include "notifier/deliver/runners.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/config/changes.hpp"
#include "common/config/schema.hpp"
#include "common/io/log.hpp"
#include "common/io/private_files.hpp"
#include "common/slots.hpp"

namespace presence::notifier {

namespace {

namespace log = io::log;

// A question's number tells whose it is: which runner stands in its upper bits.
constexpr int kRidBits = 40;

// Under way at once per tracker, of all sinks: what a tracker answers beyond its high-water mark of
// 100 is dropped, and each answer lost is a wait for its timeout. libzmq tells the sender of what
// was read by the half of that mark only, so the other half is what there is room for.
constexpr std::size_t kQuestionsMax = 48;

std::vector<SinkConfig> sinks_of(const Config& config, const std::string& notifier) {
    auto sinks = config.sinks;
    std::erase_if(sinks, [&](const auto& sink) { return sink.notifier != notifier; });
    return sinks;
}

}  // namespace

Runners::Runners(const Config& config, const std::string& notifier)
    : config_(config), notifier_(notifier) {
    for (const auto& sink : sinks_of(config_, notifier_)) {
        auto runner = open(sink);
        runners_.emplace(next_++, Running{sink, std::move(runner)});
    }
    warn_of_data();
}

Runners::RunnerPtr Runners::open(const SinkConfig& sink) {
    const auto& presence = config_.presence;
    FollowerOptions options;
    options.trackers = ids_of(config_, ProcessKind::tracker);
    const auto share =
        kQuestionsMax / std::max<std::size_t>(sinks_of(config_, notifier_).size(), 1);
    options.questions_max = std::clamp<std::size_t>(share, 1, options.questions_max);
    options.users_max = presence.users_max * std::max<std::size_t>(config_.trackers.size(), 1);
    options.user_prefix = sink.user_prefix;
    options.first_rid = (next_ << kRidBits) + 1;
    io::Store::Options store;
    store.directory = directory_of(config_, sink);
    store.owner = "sink " + sink.name + " of notifier " + notifier_ + " of " + presence.cluster;
    // Where trackers keep nothing a sink keeps its place all the same.
    if (presence.durability == Durability::power) store.durability = io::Store::Durability::power;
    return std::make_unique<SinkRunner>(sink, std::move(options), slot_map_of(config_), store,
                                        presence.cluster);
}

// Who may enter the directory of all sinks; and data in it that a sink which was renamed or removed
// left, or another notifier's.
void Runners::warn_of_data() const {
    std::set<std::filesystem::path> owned;
    for (const auto& sink : config_.sinks)
        owned.insert(directory_of(config_, sink));
    for (const auto& notifier : config_.notifiers) {
        if (notifier.id != notifier_) continue;
        io::warn_if_open_to_others(notifier.data);
        for (const auto& directory : io::Store::stores_in(notifier.data))
            if (!owned.contains(directory))
                log::warn("sink_data_unowned",
                          {{"data", std::filesystem::absolute(directory).string()}});
    }
}

void Runners::reload(const Config& config, Instant now) {
    config_.sinks = config.sinks;
    auto sinks = sinks_of(config_, notifier_);
    waiting_.clear();
    const auto named = [&](const std::string& name) {
        return std::ranges::find(sinks, name, &SinkConfig::name);
    };
    for (auto at = runners_.begin(); at != runners_.end();) {
        auto& [config_now, runner] = at->second;
        const auto wanted = named(config_now.name);
        if (wanted != sinks.end() && same_settings(*wanted, config_now)) {
            runner->reopen();
            sinks.erase(wanted);
            ++at;
            continue;
        }
        log::info(wanted == sinks.end() ? "sink_removed" : "sink_changed",
                  {{"sink", config_now.name}});
        end(std::move(runner), now);
        at = runners_.erase(at);
    }
    for (auto& sink : sinks)
        waiting_.push_back({std::move(sink), now, "one of its name has not ended yet"});
    open_waiting(now);
}

void Runners::end(RunnerPtr runner, Instant now) {
    runner->stop(now + kSinkEnd);
    ending_.push_back({std::move(runner), now + kSinkEnd + kEndSlack});
}

// Those whose name is free: until one has ended it holds what was told under the name.
void Runners::open_waiting(Instant now) {
    std::erase_if(waiting_, [&](auto& waiting) {
        const auto& name = waiting.config.name;
        const bool held = std::ranges::any_of(
            ending_, [&](const auto& ending) { return ending.runner->name() == name; });
        if (held || now < waiting.at) return false;
        try {
            auto runner = open(waiting.config);
            log::info("sink_added", {{"sink", name}});
            runners_.emplace(next_++, Running{waiting.config, std::move(runner)});
            return true;
        } catch (const std::exception& error) {
            log::error("sink_not_opened", {{"sink", name}, {"reason", error.what()}});
            waiting.why = error.what();
            waiting.at = now + kOpenAgain;
            return false;
        }
    });
}

void Runners::turn_ending(Instant now) {
    if (ending_.empty() && waiting_.empty()) return;
    std::erase_if(ending_, [&](auto& ending) {
        if (ending.runner->ended(now)) return true;
        if (now >= ending.deadline && !std::exchange(ending.told, true))
            log::warn("sink_abandoned", {{"sink", ending.runner->name()}});
        return false;
    });
    open_waiting(now);
}

void Runners::on_heard(const TrackerMessagePtr& heard) {
    for (auto& [number, running] : runners_)
        running.runner->on_heard(heard);
}

bool Runners::on_answer(const TrackerMessagePtr& heard) {
    const auto rid = heard ? std::get<Answer>(heard->message).rid.value_or(0) : 0;
    const auto whose = runners_.find(rid >> kRidBits);
    if (rid == 0 || whose == runners_.end()) return false;
    whose->second.runner->on_heard(heard);
    return true;
}

void Runners::turn(Instant now, WallOffset wall, std::vector<Question>& questions) {
    turn_ending(now);
    for (auto& [number, running] : runners_)
        running.runner->turn(now, wall, questions);
}

Instant Runners::next_wakeup() const {
    auto wakeup = Instant::max();
    for (const auto& [number, running] : runners_)
        wakeup = std::min(wakeup, running.runner->next_wakeup());
    for (const auto& ending : ending_)
        if (!ending.told) wakeup = std::min(wakeup, ending.deadline);
    return wakeup;
}

std::vector<int> Runners::fds() const {
    std::vector<int> all;
    each([&](const auto& runner) { all.push_back(runner.fd()); });
    for (const auto& ending : ending_)
        if (!ending.told) all.push_back(ending.runner->fd());
    return all;
}

void Runners::each(const std::function<void(const SinkRunner&)>& fn) const {
    for (const auto& [number, running] : runners_)
        fn(*running.runner);
}

std::vector<SinksAnswer::Sink> Runners::status(Instant now, WallOffset wall) const {
    std::vector<SinksAnswer::Sink> all;
    each([&](const auto& runner) { all.push_back(runner.status(now, wall)); });
    for (const auto& waiting : waiting_)
        all.push_back({waiting.config.name, std::string(word_of(waiting.config.type)), "not_opened",
                       waiting.why});
    return all;
}

bool Runners::started(Instant now) {
    return std::ranges::all_of(runners_,
                               [&](auto& one) { return one.second.runner->started(now); });
}

bool Runners::idle() const {
    return std::ranges::all_of(runners_, [](const auto& one) {
        return one.second.runner->idle() || one.second.runner->gone();
    });
}

std::size_t Runners::in_step() const {
    std::size_t count = 0;
    each([&](const auto& runner) { count += runner.in_step() ? 1 : 0; });
    return count;
}

void Runners::add_to(FollowCounters& followed, NotifierCounters& counters) const {
    each([&](const auto& runner) {
        followed += runner.followed();
        counters += runner.counters();
    });
    counters["online"] = online();
}

std::uint64_t Runners::online() const {
    std::uint64_t most = 0;
    each([&](const auto& runner) { most = std::max(most, runner.online()); });
    return most;
}

void Runners::stop(Instant deadline) {
    waiting_.clear();
    for (auto& [number, running] : std::exchange(runners_, {})) {
        running.runner->stop(deadline);
        ending_.push_back({std::move(running.runner), deadline});
    }
}

bool Runners::ended(Instant now) {
    std::erase_if(ending_, [&](auto& ending) { return ending.runner->ended(now); });
    return ending_.empty();
}

void Runners::tell_abandoned(Instant now) {
    if (ended(now)) return;
    for (const auto& ending : ending_)
        if (!ending.told) log::warn("sink_abandoned", {{"sink", ending.runner->name()}});
}

}  // namespace presence::notifier
