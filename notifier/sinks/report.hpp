#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"

namespace presence::notifier {

// Whose fault it is that something was not taken.
enum class Fault : std::uint8_t {
    place,   // away, full, not let in, or it asked to come later
    event,   // it will never take one of these events
    unclear  // it failed with them: it may be in trouble, choke on one, or have taken some
};

// Why a batch was not taken, or not surely.
struct Failure {
    Fault fault = Fault::place;
    std::string reason{};    // for a person: "cannot write audit.jsonl: No space left on device"
    Duration retry_after{};  // not again before: the place asked for it
    bool gone = false;       // not again at all until it is opened anew: it wants nothing more
    bool ours = false;       // our own disk: the place was not asked
};

// What became of a batch, item by item.
struct Report {
    enum class Item : std::uint8_t {
        again,  // not taken, or not surely
        done,   // taken
        never   // the place will never take this very one
    };
    std::vector<Item> items;         // those beyond its end are to be tried again
    std::optional<Failure> failure;  // why not all are done

    [[nodiscard]] static Report all_done(std::size_t items) {
        return {std::vector(items, Item::done), std::nullopt};
    }
    // The first ones are, and those behind are to be tried again.
    [[nodiscard]] static Report some_done(std::size_t first, Failure failure) {
        return {std::vector(first, Item::done), std::move(failure)};
    }
    [[nodiscard]] Item of(std::size_t item) const {
        return item < items.size() ? items[item] : Item::again;
    }
};

}  // namespace presence::notifier
