#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "common/slots.hpp"
#include "common/wire/batch.hpp"
#include "tracker/stream/output.hpp"
#include "tracker/stream/subscriptions.hpp"

namespace presence::tracker {

// Numbers transitions and writes them as batches: within a slot's epoch without gaps, and so the
// batches over all runs of a tracker that keeps a journal.
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
    // What the runs before left: the last of them, and its last batch.
    void resume(std::uint64_t prev_boot, std::uint64_t last_batch) {
        prev_boot_ = prev_boot;
        number_ = last_batch;
    }
    // A batch without events, the first of a run: it tells the run before.
    void begin_run(std::vector<Publication>& out);
    // Takes a slot: its stream starts anew. Requires: `epoch` is above the slot's last one.
    void begin(Slot slot, Epoch epoch) { streams_[slot] = {epoch, 0}; }
    // Where an earlier run left a slot's stream.
    void restore(Slot slot, Stream stream) { streams_[slot] = stream; }

    // Appends `batch` publications that hold all of `events` (complete but for epoch and seq, in
    // order per user), then
    // one `user/` publication for each event that is subscribed to. Empties `events`.
    void publish(std::vector<Event>& events, const Subscriptions& subscribed,
                 std::vector<Publication>& out);
    // Up to which batch there is something to ask for: not beyond `written`.
    void tick(std::uint64_t written, Freshness freshness, std::vector<Publication>& out) const;

    [[nodiscard]] std::uint64_t batches() const { return number_; }
    [[nodiscard]] std::uint64_t transitions() const { return transitions_; }

private:
    void flush(Batch& batch, std::vector<Publication>& out);
    [[nodiscard]] Batch empty_batch() const { return {tracker_, boot_, 0, prev_boot_, {}}; }

    std::string tracker_;
    std::uint64_t boot_;
    std::uint64_t prev_boot_ = 0;
    std::uint64_t number_ = 0;
    std::uint64_t transitions_ = 0;
    std::array<Stream, kSlots> streams_{};
};

}  // namespace presence::tracker
