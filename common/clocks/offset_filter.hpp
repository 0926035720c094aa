#pragma once

#include <array>
#include <optional>

#include "common/time.hpp"

namespace presence {

// Smallest difference between two clocks seen within about the last minute: a bound on their true
// offset, as a message never arrives before it was sent. Two clocks drift apart, so a sample says
// less as it ages: it is loosened by kDriftPpm of its age.
//
// Two buckets of half a window each, so that a clock that jumped is followed after a window at
// the latest. Pure, O(1), 48 bytes.
class OffsetFilter {
public:
    static constexpr Duration kWindow{60'000'000};
    static constexpr std::int64_t kDriftPpm = 500;  // NTP slews by at most this

    // How far two clocks may drift apart in that time, rounded up.
    static constexpr Duration drift(Duration age) {
        constexpr std::int64_t kPerMicrosecond = 1'000'000 / kDriftPpm;
        return Duration{(age.count() + kPerMicrosecond - 1) / kPerMicrosecond};
    }

    // `now` must not go back between calls.
    void sample(Instant now, Duration difference) {
        rotate(now);
        keep_smaller(current_, now, difference);
    }

    // Nothing before the first sample, nor when none came for a whole window.
    [[nodiscard]] std::optional<Duration> value(Instant now) const {
        std::optional<Duration> best;
        for (const auto& bucket : {current_, previous_}) {
            if (!bucket || now - bucket->at >= kWindow) continue;
            const Duration loosened = loosen(*bucket, now);
            if (!best || loosened < *best) best = loosened;
        }
        return best;
    }

    void reset() { *this = {}; }

private:
    struct Sample {
        Instant at;
        Duration difference;
    };

    static Duration loosen(const Sample& sample, Instant now) {
        return sample.difference + drift(now - sample.at);
    }

    static void keep_smaller(std::optional<Sample>& bucket, Instant now, Duration difference) {
        if (!bucket || difference <= loosen(*bucket, now)) bucket = Sample{now, difference};
    }

    void rotate(Instant now) {
        if (now - began_ < kWindow / 2) return;
        previous_ = now - began_ < kWindow ? current_ : std::nullopt;
        current_.reset();
        began_ = now;
    }

    Instant began_{};
    std::optional<Sample> current_;
    std::optional<Sample> previous_;
};

}  // namespace presence
