#include "tests/simulation/plan.hpp"

#include <algorithm>

namespace presence::simulation {
namespace {

template <class T, std::size_t N>
T one_of(Random& random, const T (&values)[N]) {
    return values[random.below(N)];
}

// How long a fault lasts: mostly shorter than the tracker waits for a collector.
Time draw_length(Random& random, const Shape& shape) {
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
        case Fault::wall_jump:
            return random.between(-3600 * kSecond, 3600 * kSecond);
        case Fault::crash:
            return random.percent(30);  // another machine
        case Fault::stall:
            return random.percent(50);  // before it sends
        default:
            return random.between(1, 2);
    }
}

}  // namespace

Shape Shape::draw(Random& random) {
    Shape shape;
    shape.users = one_of<std::size_t>(random, {100, 200, 200, 200, 300});
    shape.edges = one_of<std::size_t>(random, {2, 3, 3, 4});
    shape.collectors = one_of<std::size_t>(random, {1, 2, 2, 2, 3});
    shape.trackers = one_of<std::size_t>(random, {1, 2, 2, 2, 3});
    shape.notifiers = one_of<std::size_t>(random, {1, 1, 2});
    shape.sinks = one_of<std::size_t>(random, {1, 2});
    shape.timeout = random.between(1000, 2500) * kMillisecond;
    shape.grace = random.percent(60) ? shape.timeout : random.between(1000, 3000) * kMillisecond;
    shape.flush = random.between(8, 20) * kMillisecond;
    if (random.percent(40)) shape.far = random.between(20, 120) * kMillisecond;
    if (random.percent(15)) {
        shape.resend_bytes_max = static_cast<std::uint64_t>(random.between(4'000, 60'000));
        shape.backlog_max = static_cast<std::uint64_t>(random.between(20, 400));
    }
    if (random.percent(30)) {
        shape.queue_max = static_cast<std::size_t>(random.between(5, 100));
        shape.chunk_max = static_cast<std::size_t>(random.between(1, 20));
    }
    if (random.percent(50)) {
        shape.attempts_max = static_cast<std::uint64_t>(random.between(1, 3));
        shape.poison = random.percent(40);
    }
    shape.ttl_max = std::max(2 * shape.timeout, 3 * kSecond);
    shape.faults_begin = shape.ttl_max + 3 * kSecond;
    shape.faults_end = shape.faults_begin + 8 * shape.timeout;
    // Silence found, every deadline lifted, a whole ttl; a collector's second of caution, its
    // probe each second, a question asked again.
    shape.calm_again = shape.faults_end + shape.grace + 2 * shape.ttl_max + 4 * kSecond;
    shape.rest = shape.calm_again + 3 * shape.timeout;
    shape.end = shape.rest + shape.ttl_max + 2 * kSecond;
    return shape;
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
    while (faults.size() < static_cast<std::size_t>(count)) {
        PlannedFault planned;
        planned.fault = static_cast<Fault>(random.below(static_cast<std::uint64_t>(Fault::count_)));
        planned.place = static_cast<Place>(random.below(static_cast<std::uint64_t>(Place::count_)));
        if (!applies(planned.fault, planned.place)) continue;
        const auto kind =
            static_cast<unsigned>(planned.fault) * 3 + static_cast<unsigned>(planned.place) % 3;
        if (faults.size() > 1 && (kinds >> kind & 1) == 0 && random.percent(90)) continue;
        planned.which = random.below(count_at(planned.place, shape));
        const Time length = draw_length(random, shape);
        planned.begin = random.between(shape.faults_begin, shape.faults_end - length);
        planned.end = planned.begin + length;
        planned.strength = draw_strength(random, planned.fault, shape);
        faults.push_back(planned);
    }
    std::stable_sort(faults.begin(), faults.end(),
                     [](const auto& a, const auto& b) { return a.begin < b.begin; });
    return faults;
}

}  // namespace presence::simulation
