#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/batch.hpp"
#include "common/slots.hpp"
#include "tracker/output.hpp"
#include "tracker/subscriptions.hpp"

namespace presence::tracker {

// Numbers transitions and writes them as batches: within a slot's epoch without gaps, and so the
// batches within the boot. Where a journal will stand: a batch is written before it is appended.
//
// Pure.
class Publisher {
public:
    Publisher(std::string tracker, std::uint64_t boot)
        : tracker_(std::move(tracker)), boot_(boot) {}

    struct Stream {
        Epoch epoch = 0;
        std::uint64_t seq = 0;  // of the last event; 0: none yet
    };
    [[nodiscard]] const Stream& stream(Slot slot) const { return streams_[slot]; }
    // Takes a slot: its stream starts anew. Requires: `epoch` is above the slot's last one.
    void begin(Slot slot, Epoch epoch) { streams_[slot] = {epoch, 0}; }

    // Appends `batch` publications that hold all of `events` (slot set, in order per user), then
    // one `user/` publication for each event that is subscribed to. Empties `events`.
    void publish(std::vector<Event>& events, Freshness freshness, const Subscriptions& subscribed,
                 std::vector<Publication>& out);
    void tick(std::vector<Publication>& out) const;

    [[nodiscard]] std::uint64_t batches() const { return number_; }
    [[nodiscard]] std::uint64_t transitions() const { return transitions_; }

private:
    void flush(Batch& batch, std::vector<Publication>& out);

    std::string tracker_;
    std::uint64_t boot_;
    std::uint64_t number_ = 0;
    std::uint64_t transitions_ = 0;
    std::array<Stream, kSlots> streams_{};
};

}  // namespace presence::tracker
