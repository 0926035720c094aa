#include "tests/simulation/plan.hpp"

#include <algorithm>

#include "tests/simulation/clock.hpp"
#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {
namespace {

// Those behind it have draws of their own, which leave these what they are.
constexpr auto kKindsDrawn = static_cast<std::uint64_t>(Fault::partition) + 1;

template <class T, std::size_t N>
T one_of(Random& random, const T (&values)[N]) {
    return values[random.below(N)];
}

// How long a fault lasts: mostly shorter than the tracker waits for a collector.
Time draw_length(Random& random, const Shape& shape, Place place) {
    if (place == Place::edge && random.percent(50))
        return random.between(shape.edge_timeout, 2 * (shape.edge_timeout + shape.edge_grace));
    if (random.percent(15)) return random.between(shape.grace, 3 * shape.grace);
    if (random.percent(30)) return random.between(10 * kMillisecond, 250 * kMillisecond);
    return random.between(250 * kMillisecond, shape.grace * 9 / 10);
}

Time draw_strength(Random& random, Fault fault, const Shape& shape) {
    switch (fault) {
        case Fault::loss:
        case Fault::duplicate:
        case Fault::reorder:
            return random.between(20, 400);
        case Fault::delay:
            return random.between(20 * kMillisecond, shape.grace * 6 / 10);
        case Fault::slow:
            return random.between(5 * kMillisecond, 150 * kMillisecond);
        case Fault::slow_disk:
            return random.between(5 * kMillisecond, 400 * kMillisecond);
        case Fault::drift:
            return random.between(-MachineClock::kDriftPpmMax, MachineClock::kDriftPpmMax);
        case Fault::wall_jump:
            return random.between(-30 * 3600, 30 * 3600) * kSecond;  // a day and more
        case Fault::crash:
            return random.percent(30);  // another machine
        case Fault::stall:
            return random.percent(50);  // before it sends
        default:
            return random.between(1, 2);
    }
}

void put_in_order(std::vector<PlannedFault>& faults) {
    std::stable_sort(faults.begin(), faults.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    for (std::size_t i = 0; i < faults.size(); ++i)
        faults[i].number = i;
}

}  // namespace

Shape Shape::draw(Random& random) {
    Shape shape;
    Random other = random;  // its draws shift no others
    shape.users = one_of<std::size_t>(random, {100, 200, 200, 250});
    shape.edges = one_of<std::size_t>(random, {2, 3, 3, 4});
    shape.collectors = one_of<std::size_t>(random, {1, 2, 2, 2, 3});
    shape.trackers = one_of<std::size_t>(random, {1, 1, 2, 2, 2, 3});
    shape.notifiers = one_of<std::size_t>(random, {1, 1, 2});
    shape.sinks = one_of<std::size_t>(random, {1, 2});
    shape.timeout = random.between(1000, 2500) * kMillisecond;
    shape.grace = random.percent(60) ? shape.timeout : random.between(1000, 3000) * kMillisecond;
    if (random.percent(25))
        shape.freeze_max = shape.grace + random.between(100, 1'500) * kMillisecond;
    shape.flush = random.between(8, 25) * kMillisecond;
    if (random.percent(40)) shape.far = random.between(20, 120) * kMillisecond;
    if (random.percent(25)) {
        // Less than what is under way on a far link would never do.
        shape.resend_bytes_max = static_cast<std::uint64_t>(random.between(1'000, 20'000)) +
                                 (shape.far > 0 ? 20 * shape.users : 0);
        shape.backlog_max = static_cast<std::uint64_t>(random.between(10, 150));
    }
    if (random.percent(30)) {
        shape.queue_max = static_cast<std::size_t>(random.between(5, 100));
        shape.chunk_max = static_cast<std::size_t>(random.between(1, 20));
    }
    if (random.percent(30))
        shape.journal_waiting_max = static_cast<std::size_t>(random.between(500, 20'000));
    if (random.percent(50)) {
        shape.attempts_max = static_cast<std::uint64_t>(random.between(1, 3));
        shape.poison = random.percent(40);
    }
    // Edges speak each second, and trackers know of it half a second late.
    shape.edge_timeout = random.between(1'700, 2'000) * kMillisecond;
    shape.edge_grace = random.between(500, 3'000) * kMillisecond;
    shape.edge_lost_rate = one_of<std::uint64_t>(random, {10, 10, 40, 1'000});
    shape.moving_percent = one_of<unsigned>(random, {0, 70, 70, 100});
    shape.ttl_max = std::max(2 * shape.timeout, 4 * kSecond);
    shape.faults_begin = shape.ttl_max + 3 * kSecond;
    shape.faults_end = shape.faults_begin + 8 * shape.timeout;
    shape.calm_again = shape.faults_end + tolerances::all_faults(shape);
    shape.rest = shape.calm_again + 3 * shape.timeout;
    shape.end = shape.rest + tolerances::rest_over(shape);
    if (other.fork().percent(10)) {
        shape.crowded = 2;
        shape.users += shape.crowded;
    }
    if (auto lingering = other.fork(); lingering.percent(20))
        shape.linger = lingering.between(300, 1'500) * kMillisecond;
    return shape;
}

std::string describe(const PlannedFault& fault) {
    const auto number = [](auto n) { return std::to_string(n); };
    return "fault " + number(fault.number) + ": " + std::string(name_of(fault.fault)) + " of " +
           std::string(name_of(fault.place)) + " " + number(fault.which) + " from " +
           number(fault.begin) + " to " + number(fault.end) + " us, strength " +
           number(fault.strength);
}

std::size_t count_at(Place place, const Shape& shape) {
    switch (place) {
        case Place::edge:
            return shape.edges;
        case Place::collector:
            return shape.collectors;
        case Place::tracker:
            return shape.trackers;
        case Place::notifier:
            return shape.notifiers;
        case Place::sink:
            return shape.notifiers * shape.sinks;
        case Place::heartbeats:
            return shape.edges * shape.collectors;
        case Place::frames:
        case Place::acks:
            return shape.collectors * shape.trackers;
        default:
            return shape.trackers * shape.notifiers;
    }
}

std::vector<PlannedFault> draw_faults(Random& random, const Shape& shape) {
    std::vector<PlannedFault> faults;
    if (random.percent(8)) return faults;
    const auto count = random.between(1, random.percent(70) ? 6 : 20);
    // Each seed has kinds of its own: a world with every fault at once hides what one of them does.
    const auto kinds = random.next() | random.next();
    const bool of_edges = random.percent(15);
    while (faults.size() < static_cast<std::size_t>(count)) {
        PlannedFault planned;
        planned.fault = static_cast<Fault>(random.below(kKindsDrawn));
        planned.place = static_cast<Place>(random.below(static_cast<std::uint64_t>(Place::count_)));
        if (!applies(planned.fault, planned.place)) continue;
        if (of_edges && planned.place != Place::edge && planned.place != Place::heartbeats)
            continue;
        const auto kind =
            static_cast<unsigned>(planned.fault) * 3 + static_cast<unsigned>(planned.place) % 3;
        if (faults.size() > 1 && (kinds >> kind & 1) == 0 && random.percent(90)) continue;
        planned.which = random.below(count_at(planned.place, shape));
        Time length = std::min(draw_length(random, shape, planned.place),
                               shape.faults_end - shape.faults_begin);
        if (planned.fault == Fault::suspend && planned.place != Place::edge)
            length = std::max(length, tolerances::suspension_noticed(shape));
        // Some strike while another does: what waits for a link is lost with its collector.
        const bool joins = !faults.empty() && random.percent(25);
        const Time from = joins ? faults.back().begin : shape.faults_begin;
        const Time to = joins ? faults.back().end : shape.faults_end - length;
        planned.begin = std::min(random.between(from, to), shape.faults_end - length);
        planned.end = planned.begin + length;
        planned.strength = draw_strength(random, planned.fault, shape);
        // An edge may be gone for good, and a collector if there are others.
        if (planned.place == Place::edge && planned.fault == Fault::crash && random.percent(30))
            planned.end = shape.end + 1;
        if (planned.place == Place::collector && planned.fault == Fault::crash &&
            planned.which > 0 && planned.begin / kMillisecond % 2 == 0)
            planned.end = shape.end + 1;
        faults.push_back(planned);
    }
    put_in_order(faults);
    return faults;
}

void draw_long_cut(Random random, Shape& shape, std::vector<PlannedFault>& faults) {
    if (shape.collectors < 2 || shape.trackers < 2 || !random.percent(25)) return;
    shape.sticky = true;
    if (random.percent(60)) std::erase_if(faults, is_of_evidence);
    PlannedFault cut;
    cut.fault = random.percent(50) ? Fault::cut : Fault::partition;
    cut.place = random.percent(50) ? Place::frames : Place::acks;
    cut.which = random.below(count_at(cut.place, shape));
    const Time length = random.between(shape.grace, shape.faults_end - shape.faults_begin);
    cut.begin = random.between(shape.faults_begin, shape.faults_end - length);
    cut.end = cut.begin + length;
    cut.strength = 1;
    faults.push_back(cut);
    put_in_order(faults);
}

void draw_halves(Random random, Shape& shape, std::vector<PlannedFault>& faults) {
    if (shape.collectors < 2 || shape.trackers < 2 || shape.twin_of || shape.lists_change) return;
    if (!random.percent(10)) return;
    shape.sticky = shape.halves = true;
    std::erase_if(faults, is_of_evidence);
    const auto collectors = 1 + random.below(shape.collectors - 1);  // of the first half
    const auto trackers = 1 + random.below(shape.trackers - 1);
    const Time room = shape.faults_end - shape.faults_begin;
    PlannedFault cut;
    cut.fault = Fault::partition;
    cut.place = Place::frames;
    const Time length = random.between(std::min(shape.grace, room), room);
    cut.begin = random.between(shape.faults_begin, shape.faults_end - length);
    cut.end = cut.begin + length;
    cut.strength = random.between(1, 2);
    for (std::size_t c = 0; c < shape.collectors; ++c)
        for (std::size_t t = 0; t < shape.trackers; ++t) {
            if ((c < collectors) == (t < trackers)) continue;
            cut.which = c * shape.trackers + t;
            faults.push_back(cut);
        }
    put_in_order(faults);
}

void draw_input_stalls(Random random, const Shape& shape, std::vector<PlannedFault>& faults) {
    if (!random.percent(20)) return;
    for (auto left = random.between(1, 2); left > 0; --left) {
        PlannedFault stall;
        stall.fault = Fault::input_stall;
        stall.place = Place::collector;
        stall.which = random.below(shape.collectors);
        const Time length = std::min(draw_length(random, shape, Place::collector),
                                     shape.faults_end - shape.faults_begin);
        stall.begin = random.between(shape.faults_begin, shape.faults_end - length);
        stall.end = stall.begin + length;
        stall.strength = 1;
        faults.push_back(stall);
    }
    put_in_order(faults);
}

void draw_twin(Random random, Shape& shape, std::vector<PlannedFault>& faults) {
    if (!random.percent(20)) return;
    if (random.percent(60)) std::erase_if(faults, is_of_evidence);
    shape.twin_of = random.below(shape.collectors);
    PlannedFault twin;
    twin.fault = Fault::twin;
    twin.place = Place::collector;
    twin.which = shape.collectors++;
    twin.strength = random.between(1, 2);
    const Time length = random.percent(30) ? random.between(10 * kMillisecond, shape.grace)
                                           : random.between(shape.grace, 6 * shape.timeout);
    twin.begin =
        random.between(shape.faults_begin, std::max(shape.faults_begin, shape.faults_end - length));
    twin.end = std::min(twin.begin + length, shape.faults_end);
    faults.push_back(twin);
    put_in_order(faults);
}

bool is_of_evidence(const PlannedFault& fault) {
    return fault.place == Place::collector || fault.place == Place::tracker ||
           fault.place == Place::frames || fault.place == Place::acks;
}

}  // namespace presence::simulation
