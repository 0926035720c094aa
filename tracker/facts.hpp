#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/wire/event.hpp"
#include "tracker/evidence/failure_detector.hpp"

namespace presence::tracker {

// What a restart needs beside rows and states; it is written with each batch. A new field is a
// member here and a key in its description.
struct Facts {
    // Of a clock that only runs, and that another machine, or another boot of this one, has not.
    struct EventTime {
        std::uint64_t clock = 0;
        std::int64_t at_us = 0;
    };
    struct Start {
        std::int64_t at_us = 0;
        std::int64_t gap_us = 0;  // since the run before was seen last
    };
    struct Starts {
        std::uint64_t clock = 0;
        std::vector<Start> all;
    };

    Epoch epoch = 0;                              // the highest heard of
    std::vector<std::string> collectors;          // that are waited for
    std::vector<FailureDetector::Applied> links;  // how far each of their runs was applied
    Starts starts;                                // when runs of this tracker began
    std::optional<EventTime> event_time;          // how far it had come
};
[[nodiscard]] std::string encode_facts(const Facts& facts);
// No facts at all if they cannot be read.
[[nodiscard]] Facts decode_facts(std::string_view bytes);

}  // namespace presence::tracker
