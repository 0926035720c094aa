#include "cli/up/supervision.hpp"

#include <algorithm>

#include "common/exit_codes.hpp"

namespace presence::cli {

std::size_t Supervision::add(int stage) {
    Child child;
    child.stage = stage;
    children_.push_back(child);
    return children_.size() - 1;
}

void Supervision::want(std::size_t index, bool wanted) {
    Child& child = children_[index];
    if (child.wanted == wanted) return;
    child.wanted = wanted;
    child.start_at.reset();
    if (wanted && !child.running) child.start_at = Instant{};
}

std::vector<Supervision::Action> Supervision::decide(Instant now) {
    std::vector<Action> actions;
    if (stopping_) {
        end_stage(now, actions);
        return actions;
    }
    end_unwanted(now, actions);
    start_due(now, actions);
    return actions;
}

void Supervision::end_unwanted(Instant now, std::vector<Action>& actions) {
    for (std::size_t i = 0; i < children_.size(); ++i) {
        Child& child = children_[i];
        const bool ends = !child.wanted || child.terminated || child.to_restart;
        if (!child.running || child.killed || !ends) continue;
        if (!child.terminated) {
            child.to_restart = false;
            child.terminated = true;
            child.kill_at = now + options_.stage_deadline;
            actions.push_back({Kind::terminate, i});
        } else if (now >= *child.kill_at) {
            child.killed = true;
            actions.push_back({Kind::kill, i});
        }
    }
}

void Supervision::start_due(Instant now, std::vector<Action>& actions) {
    for (std::size_t i = 0; i < children_.size(); ++i) {
        Child& child = children_[i];
        if (child.running || !child.start_at || *child.start_at > now) continue;
        child.start_at.reset();
        child.running = true;
        child.started = now;
        actions.push_back({Kind::start, i});
    }
}

void Supervision::end_stage(Instant now, std::vector<Action>& actions) {
    const auto stage = lowest_running_stage();
    if (stage != ending_stage_) {
        ending_stage_ = stage;
        deadline_ = now + options_.stage_deadline;
    }
    const bool late = now >= *deadline_;
    for (std::size_t i = 0; i < children_.size(); ++i) {
        Child& child = children_[i];
        if (!child.running || child.killed) continue;
        if (kill_all_ || (late && child.stage == stage)) {
            child.killed = true;
            actions.push_back({Kind::kill, i});
        } else if (child.stage == stage && !child.terminated) {
            child.terminated = true;
            actions.push_back({Kind::terminate, i});
        }
    }
}

void Supervision::on_end(std::size_t index, std::optional<int> code, Instant now) {
    Child& child = children_[index];
    child.running = child.to_restart = false;
    if (stopping_) return;
    if (child.terminated || !child.wanted) {  // as we asked
        child.terminated = child.killed = false;
        child.kill_at.reset();
        child.backoff = Duration{0};
        if (child.wanted) child.start_at = now;
        return;
    }
    const bool hopeless = code == kExitUsage || code == kExitConfig || code == kExitUnavailable ||
                          code == kExitStorage;
    if (hopeless && !ready_) {
        exit_code_ = *code;
        stopping_ = true;
        return;
    }
    const bool healthy = now - child.started >= options_.healthy_after;
    child.backoff = healthy || child.backoff.count() == 0
                        ? options_.backoff_first
                        : std::min(options_.backoff_max, 2 * child.backoff);
    child.start_at = now + child.backoff;
    ++restarts_;
}

void Supervision::stop(Instant now) {
    kill_all_ = kill_all_ || (asked_to_stop_ && now - *asked_to_stop_ >= options_.patience);
    if (!asked_to_stop_) asked_to_stop_ = now;
    stopping_ = true;
}

bool Supervision::finished() const {
    return stopping_ && !lowest_running_stage();
}

std::optional<int> Supervision::lowest_running_stage() const {
    std::optional<int> lowest;
    for (const auto& child : children_)
        if (child.running && (!lowest || child.stage < *lowest)) lowest = child.stage;
    return lowest;
}

Instant Supervision::next_wakeup() const {
    if (stopping_) {
        const auto stage = lowest_running_stage();
        const bool waiting = std::all_of(children_.begin(), children_.end(), [&](const Child& c) {
            return !c.running || c.killed || (!kill_all_ && c.stage != stage);
        });
        if (waiting) return Instant::max();
        return stage == ending_stage_ && !kill_all_ ? *deadline_ : Instant{};
    }
    Instant next = Instant::max();
    for (const auto& child : children_) {
        if (!child.running && child.start_at) next = std::min(next, *child.start_at);
        if (!child.running || child.killed) continue;
        if (child.kill_at)
            next = std::min(next, *child.kill_at);
        else if (!child.wanted)
            next = Instant{};
    }
    return next;
}

}  // namespace presence::cli
