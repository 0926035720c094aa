#include "tests/simulation/world.hpp"

#include <algorithm>
#include <utility>

#include "common/check.hpp"
#include "tests/simulation/calm.hpp"

namespace presence::simulation {

namespace {

std::vector<PlannedFault> plan_of(Random& random, std::uint64_t seed, Shape& shape, Lists& lists,
                                  Walls walls) {
    // So that other draws stay what they are.
    constexpr std::uint64_t kLongCut = 0x6c6f6e67, kInputStall = 0x696e7075, kTwin = 0x7477696e;
    constexpr std::uint64_t kLists = 0x6c697374, kHalves = 0x68616c66;
    auto faults = draw_faults(random, shape);
    draw_long_cut(Random(seed ^ kLongCut), shape, faults);
    draw_input_stalls(Random(seed ^ kInputStall), shape, faults);
    draw_twin(Random(seed ^ kTwin), shape, faults);
    // Where clocks on the wall are compared no slot changes hands: its epoch would depend on them.
    lists = Lists::draw(Random(seed ^ kLists), shape, faults, walls == Walls::as_drawn);
    draw_halves(Random(seed ^ kHalves), shape, faults);
    for (std::size_t i = 0; i < faults.size(); ++i)
        faults[i].number = i;
    return faults;
}

// How many there were.
std::size_t leave_only(const std::optional<std::vector<std::size_t>>& numbers, Shape& shape,
                       std::vector<PlannedFault>& faults) {
    const auto drawn = faults.size();
    if (numbers)
        std::erase_if(faults, [&](const PlannedFault& fault) {
            return std::find(numbers->begin(), numbers->end(), fault.number) == numbers->end();
        });
    if (faults.empty()) shape.poison = false;
    return drawn;
}

}  // namespace

World::World(std::uint64_t seed, Trace trace, const std::optional<std::vector<std::size_t>>& only,
             Walls walls)
    : env_{{}, std::move(trace), {}},
      random_(seed),
      shape_(Shape::draw(random_)),
      faults_(plan_of(random_, seed, shape_, lists_, walls)),
      drawn_(leave_only(only, shape_, faults_)),
      model_(env_, shape_, calm_spans(shape_, faults_), [this](const std::string& what) {
          if (!failure_.empty()) return;
          failure_ = what;
          env_.trace.line(env_.scheduler.now(), "WRONG", what);
      }) {
    model_.expect(faults_);
    connect(random_);
    populate(random_);
    set_walls(walls, seed);
    for (const auto& fault : faults_)
        plan(fault);
    plan_lists();
    describe();
}

// Every link by its two ends. Processes are looked up when something arrives: they come later.
void World::connect(Random& random) {
    const auto links = [&](auto& all, Place place, std::size_t from, std::size_t to, auto deliver) {
        // A notifier asks once for each slot: far from its trackers it would take the whole run.
        const bool asks = place == Place::questions || place == Place::answers;
        const Time far = asks ? 0 : shape_.far;
        using L = typename std::decay_t<decltype(all)>::value_type::element_type;
        for (std::size_t f = 0; f < from; ++f)
            for (std::size_t t = 0; t < to; ++t)
                all.push_back(std::make_unique<L>(
                    env_, place, random.fork(), far,
                    [f, t, deliver](const auto& message) { deliver(f, t, message); }));
    };
    links(heartbeats_, Place::heartbeats, shape_.edges, shape_.collectors,
          [this](std::size_t, std::size_t c, const auto& m) { collectors_[c]->on_heartbeats(m); });
    links(frames_, Place::frames, shape_.collectors, shape_.trackers,
          [this](std::size_t c, std::size_t t, const auto& m) { trackers_[t]->on_frame(c, m); });
    links(acks_, Place::acks, shape_.trackers, shape_.collectors,
          [this](std::size_t t, std::size_t c, const auto& m) { collectors_[c]->on_ack(t, m); });
    links(publications_, Place::publications, shape_.trackers, shape_.notifiers,
          [this](std::size_t t, std::size_t n, const auto& m) {
              notifiers_[n]->on_publication(t, m);
          });
    links(questions_, Place::questions, shape_.notifiers, shape_.trackers,
          [this](std::size_t n, std::size_t t, const auto& m) { trackers_[t]->on_question(n, m); });
    links(answers_, Place::answers, shape_.trackers, shape_.notifiers,
          [this](std::size_t t, std::size_t n, const auto& m) { notifiers_[n]->on_answer(t, m); });
}

void World::populate(Random& random) {
    for (std::size_t e = 0; e < shape_.edges; ++e) {
        edges_.push_back(std::make_unique<Edge>(
            env_, e, random.fork(), shape_, [this, e](std::size_t c, HeartbeatPacket packet) {
                heartbeats_[e * shape_.collectors + c]->send(std::move(packet));
            }));
        edges_.back()->reachable = [this, e](std::size_t c) {
            return collectors_[c]->takes_heartbeats() &&
                   heartbeats_[e * shape_.collectors + c]->connected();
        };
    }
    std::vector<CollectorProcess*> collectors;
    for (std::size_t c = 0; c < shape_.collectors; ++c) {
        collectors_.push_back(std::make_unique<CollectorProcess>(
            env_, c, random.fork(), shape_, lists_.first, model_,
            [this, c](std::size_t t, Packet packet) {
                frames_[c * shape_.trackers + t]->send(std::move(packet));
            }));
        collectors.push_back(collectors_.back().get());
    }
    for (std::size_t t = 0; t < shape_.trackers; ++t) {
        const auto over = [t](Links<Packet>& links, std::size_t to) {
            return [&links, t, to](std::size_t which, Packet packet) {
                links[t * to + which]->send(std::move(packet));
            };
        };
        trackers_.push_back(std::make_unique<TrackerProcess>(
            env_, t, random.fork(), shape_, lists_.first, model_, collectors,
            TrackerProcess::Links{over(acks_, shape_.collectors),
                                  over(publications_, shape_.notifiers),
                                  over(answers_, shape_.notifiers)}));
    }
    for (std::size_t n = 0; n < shape_.notifiers; ++n)
        notifiers_.push_back(std::make_unique<NotifierProcess>(
            env_, n, random.fork(), shape_, lists_.first, model_,
            [this, n](std::size_t t, Packet packet) {
                questions_[n * shape_.trackers + t]->send(std::move(packet));
            }));
    load_ = std::make_unique<Load>(
        env_.scheduler, random.fork(), shape_,
        [this](std::size_t edge, Beat beat) { edges_[edge]->add(std::move(beat)); });
    Random other = random;  // its draws shift no others
    crowd_ = std::make_unique<Crowd>(
        env_.scheduler, other.fork(), shape_,
        [this](std::size_t edge, Beat beat) { edges_[edge]->add(std::move(beat)); });
    load_->up = [this](std::size_t edge) { return edges_[edge]->up(); };
}

Process& World::process(Place place, std::size_t which) {
    switch (place) {
        case Place::edge:
            return *edges_[which];
        case Place::collector:
            return *collectors_[which];
        case Place::tracker:
            return *trackers_[which];
        default:
            PRESENCE_CHECK(place == Place::notifier, "no process");
            return *notifiers_[which];
    }
}

Troubled& World::troubled(Place place, std::size_t which) {
    switch (place) {
        case Place::sink:
            return notifiers_[which / shape_.sinks]->sink(which % shape_.sinks);
        case Place::heartbeats:
            return *heartbeats_[which];
        case Place::frames:
            return *frames_[which];
        case Place::acks:
            return *acks_[which];
        case Place::publications:
            return *publications_[which];
        case Place::questions:
            return *questions_[which];
        default:
            PRESENCE_CHECK(place == Place::answers, "no link");
            return *answers_[which];
    }
}

std::vector<Troubled*> World::severed(Place place, std::size_t which) {
    std::vector<Troubled*> all;
    const auto add = [&](auto& links, std::size_t to, auto&& touches) {
        for (std::size_t i = 0; i < links.size(); ++i)
            if (touches(i / to, i % to)) all.push_back(links[i].get());
    };
    // The places of the processes at the two ends, and of the links between them.
    const auto between = [&](auto& links, Place from, Place to, std::size_t to_count, bool turned) {
        add(links, to_count, [&](std::size_t f, std::size_t t) {
            if (!is_link(place))
                return (place == from && f == which) || (place == to && t == which);
            const auto index = turned ? t * (links.size() / to_count) + f : f * to_count + t;
            return index == which;
        });
    };
    const bool process = !is_link(place);
    if (process || place == Place::heartbeats)
        between(heartbeats_, Place::edge, Place::collector, shape_.collectors, false);
    if (process || place == Place::frames || place == Place::acks) {
        between(frames_, Place::collector, Place::tracker, shape_.trackers, place == Place::acks);
        between(acks_, Place::tracker, Place::collector, shape_.collectors, place != Place::acks);
    }
    if (process || place >= Place::publications) {
        const bool asks = place == Place::questions;
        between(publications_, Place::tracker, Place::notifier, shape_.notifiers, asks);
        between(answers_, Place::tracker, Place::notifier, shape_.notifiers, asks);
        between(questions_, Place::notifier, Place::tracker, shape_.trackers, !asks);
    }
    return all;
}

void World::set_walls(Walls walls, std::uint64_t seed) {
    if (walls == Walls::as_drawn) return;
    std::erase_if(faults_, [](const auto& fault) { return fault.fault == Fault::wall_jump; });
    if (walls == Walls::still) return;
    constexpr int kJumps = 12;
    Random random(~seed);
    for (int n = 0; n < kJumps; ++n) {
        PlannedFault jump{Fault::wall_jump, Place::tracker, 0, 0, 0, 0, 0};
        if (random.percent(30)) jump.place = Place::notifier;
        jump.which = random.below(count_at(jump.place, shape_));
        jump.begin = jump.end = random.between(kSecond, shape_.end - kSecond);
        jump.strength = random.between(-86'400 * kSecond, 86'400 * kSecond);
        faults_.push_back(jump);
    }
}

void World::plan_lists() {
    for (std::size_t t = 0; t < shape_.trackers; ++t)
        trackers_[t]->set_wall(lists_.walls[t]);
    for (const auto& change : lists_.changes) {
        const bool planned = std::any_of(faults_.begin(), faults_.end(), [&](const auto& fault) {
            return fault.number == change.number;
        });
        if (!planned) continue;
        for (const auto& reload : change.reloads)
            env_.scheduler.at(reload.at,
                              [this, &change, &reload] { this->reload(change, reload); });
    }
}

void World::reload(const ListChange& change, const ListChange::Reload& reload) {
    const auto& map = change.maps[reload.map];
    switch (reload.place) {
        case Place::collector:
            return collectors_[reload.which]->adopt(map);
        case Place::notifier:
            return notifiers_[reload.which]->adopt(map);
        default:
            break;
    }
    auto& tracker = *trackers_[reload.which];
    const auto id = tracker_name(reload.which);
    const bool listed =
        std::find(map.trackers.begin(), map.trackers.end(), id) != map.trackers.end();
    if (!listed) return tracker.retire();
    tracker.adopt(map);
    const bool starts = !started_[reload.which] || tracker.retired();
    started_[reload.which] = true;
    if (starts) tracker.start();
}

void World::plan(const PlannedFault& fault) {
    if (fault.fault == Fault::reload) return;
    auto& scheduler = env_.scheduler;
    const auto trouble = [&](Troubled& target, Time strength) {
        scheduler.at(fault.begin, [=, &target] { target.begin(fault.fault, strength); });
        scheduler.at(fault.end, [=, &target] { target.end(fault.fault); });
    };
    if (fault.fault == Fault::partition) {
        for (auto* link : severed(fault.place, fault.which))
            trouble(*link, fault.strength);
        if (!is_link(fault.place))
            scheduler.at(fault.begin, [=, this] { env_.coverage.met(fault.fault, fault.place); });
    } else if (is_link(fault.place)) {
        trouble(troubled(fault.place, fault.which), fault.strength);
    } else if (fault.place == Place::sink) {
        trouble(troubled(fault.place, fault.which), fault.end);
    } else {
        plan_process(fault);
    }
}

void World::plan_process(const PlannedFault& fault) {
    auto& target = process(fault.place, fault.which);
    if (fault.fault == Fault::twin) {
        const bool second_ends = fault.strength == 1;
        auto& ends = second_ends ? target : process(fault.place, *shape_.twin_of);
        env_.scheduler.at(fault.begin, [=, this, &target] {
            env_.coverage.met(fault.fault, fault.place);
            target.start();
        });
        return env_.scheduler.at(fault.end,
                                 [=, this, &ends] { ends.crash(shape_.end + 1, false); });
    }
    env_.scheduler.at(fault.begin, [=, this, &target] {
        switch (fault.fault) {
            case Fault::pause:
                return target.pause(fault.end);
            case Fault::stall:
                return target.stall(fault.end - fault.begin, fault.strength != 0);
            case Fault::suspend:
                return target.suspend(fault.end);
            case Fault::crash:
                return target.crash(fault.end, fault.strength != 0);
            case Fault::input_stall:
                return collectors_[fault.which]->stall_input(fault.end);
            case Fault::wall_jump:
                return target.jump_wall(fault.strength);
            default:
                return target.begin(fault.fault, fault.strength);
        }
    });
    env_.scheduler.at(fault.end, [=, &target] { target.end(fault.fault); });
}

void World::describe() const {
    const auto number = [](auto n) { return std::to_string(n); };
    env_.trace.line(
        0, "world",
        number(shape_.users) + " users, " + number(shape_.edges) + " edges, " +
            number(shape_.collectors) + " collectors, " + number(shape_.trackers) + " trackers, " +
            number(shape_.notifiers) + " notifiers with " + number(shape_.sinks) +
            " sinks each; timeout " + number(shape_.timeout / 1000) + " ms, grace " +
            number(shape_.grace / 1000) + " ms; faults until " + number(shape_.faults_end / 1000) +
            " ms, calm again from " + number(shape_.calm_again / 1000) + " ms");
    for (const auto& fault : faults_)
        env_.trace.line(0, "plan", presence::simulation::describe(fault));
}

std::string World::run() {
    const auto start = [&](auto& processes) {
        for (auto& process : processes)
            env_.scheduler.at(random_.between(0, 200 * kMillisecond),
                              [&process] { process->start(); });
    };
    start(edges_);
    const auto twin = shape_.twin_of ? collectors_.size() - 1 : collectors_.size();
    for (std::size_t c = 0; c < twin; ++c)
        env_.scheduler.at(random_.between(0, 200 * kMillisecond),
                          [this, c] { collectors_[c]->start(); });
    for (std::size_t t = 0; t < shape_.trackers; ++t) {
        const Time at = random_.between(0, 200 * kMillisecond);
        const auto& ids = lists_.first.trackers;
        started_.push_back(std::find(ids.begin(), ids.end(), tracker_name(t)) != ids.end());
        if (started_[t]) env_.scheduler.at(at, [this, t] { trackers_[t]->start(); });
    }
    start(notifiers_);
    load_->start();
    crowd_->start();
    while (failure_.empty() && env_.scheduler.step(shape_.end)) {
    }
    if (failure_.empty()) model_.finish();
    return failure_;
}

}  // namespace presence::simulation
