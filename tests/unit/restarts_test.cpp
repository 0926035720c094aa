// How long a series of restarts holds whom no run has heard.
#include <catch2/catch.hpp>

#include "tracker/evidence/restarts.hpp"

using namespace presence;
using tracker::Restarts;

namespace {

constexpr Instant kLongAgo{Duration{0}};

Instant at(Duration d) {
    return Instant{1h + d};
}

// As the next run has it from the one before.
struct Series {
    void start(Instant now) {
        Restarts next(10min, 30s);
        next.resume(restarts.starts());
        next.begin(now);
        restarts = next;
        last = now;
    }
    // Beyond the start, for which users are held.
    [[nodiscard]] Duration held(Duration ttl, Instant seen = kLongAgo) const {
        return restarts.held_until(seen, ttl) - last;
    }
    Restarts restarts{10min, 30s};
    Instant last{};
};

}  // namespace

TEST_CASE("a restart holds for a whole ttl, a series for ten minutes more", "[restarts]") {
    Series series;
    for (auto t = 0s; t <= 10min; t += 20s) {
        series.start(at(t));
        CHECK(series.held(30s) == 30s);
    }
    series.start(at(10min + 20s));
    CHECK(series.held(30s) == 10s);
    series.start(at(10min + 40s));
    CHECK(series.held(30s) == -10s);
    // By then who is still online was heard: the run before has lasted for longer than a ttl.
    series.start(at(11min + 30s));
    CHECK(series.held(30s) == 30s);
}

TEST_CASE("what the journal saw since counts, and a longer ttl in proportion", "[restarts]") {
    Series series;
    for (auto t = 0s; t <= 15min; t += 20s)
        series.start(at(t));
    CHECK(series.held(30s) < 0s);
    CHECK(series.held(30s, at(6min)) == 30s);
    CHECK(series.held(10s) == 10s);  // is told offline between two of them
    CHECK(series.held(10min) == 10min);

    Series hourly;
    for (auto t = 0h; t <= 20 * 24h; t += 1h)
        hourly.start(at(t));
    CHECK(hourly.held(24h) == 24h);
    hourly.start(at(20 * 24h + 1h));
    CHECK(hourly.held(24h) == 23h);
    CHECK(hourly.held(1h) == 1h);
}

TEST_CASE("few starts tell of a series, however long it is", "[restarts]") {
    Series series;
    for (int n = 0; n < 10'000; ++n)
        series.start(at(n * 7s + n % 3 * 1s));
    CHECK(series.restarts.starts().size() < 6);
    for (int n = 0; n < 100; ++n)
        series.start(at(100'000s + n * 10s - n * n * 10ms));
    CHECK(series.restarts.starts().size() <= Restarts::kStartsMax);
}

TEST_CASE("a start before the last one begins a series of its own", "[restarts]") {
    Series series;
    for (auto t = 0s; t <= 15min; t += 20s)
        series.start(at(t));
    series.start(at(-5s));
    CHECK(series.held(30s) == 30s);
}
