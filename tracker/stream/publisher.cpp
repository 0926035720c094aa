#include "tracker/stream/publisher.hpp"

#include <algorithm>

#include "common/limits.hpp"

namespace presence::tracker {

namespace {

// At least what the event takes in a batch: texts, four 9-byte numbers, reason and heads.
std::size_t bytes_bound(const Event& event) {
    return event.user.size() + event.reason.size() + (event.status ? event.status->size() : 0) + 64;
}

constexpr std::size_t kSlotBytesBound = 32;
constexpr std::size_t kBatchHeadBytesBound = 512;

}  // namespace

void Publisher::flush(Batch& batch, std::vector<Publication>& out) {
    batch.number = ++number_;
    out.push_back({std::string(kTopicBatch), encode_batch(batch), number_});
    batch.slots.clear();
}

void Publisher::begin_run(std::vector<Publication>& out) {
    auto batch = empty_batch();
    flush(batch, out);
}

void Publisher::publish(std::vector<Event>& events, const Subscriptions& subscribed,
                        std::vector<Publication>& out) {
    if (events.empty()) return;
    // By slot, and as they happened within; as numbers, since events are far apart.
    std::vector<std::uint64_t> order(events.size());
    for (std::uint64_t i = 0; i < order.size(); ++i)
        order[i] = std::uint64_t{events[i].slot} << 32 | i;
    std::sort(order.begin(), order.end());

    std::vector<Publication> for_users;
    auto batch = empty_batch();
    std::size_t bytes = kBatchHeadBytesBound;
    for (const auto slot_and_index : order) {
        auto& event = events[slot_and_index & 0xffff'ffff];
        auto& stream = streams_[event.slot];
        event.epoch = stream.epoch;
        event.seq = ++stream.seq;
        // A longer ttl is for those who remember users, not for people.
        if (subscribed.any() && event.reason != name_of(Reason::ttl))
            if (auto topic = topic_of_user(event.user); subscribed.wants(topic))
                for_users.push_back({std::move(topic), to_msgpack(event)});

        const auto size = bytes_bound(event);
        if (bytes + size + kSlotBytesBound > kBatchBytesMax) {
            flush(batch, out);
            bytes = kBatchHeadBytesBound;
        }
        if (batch.slots.empty() || batch.slots.back().slot != event.slot) {
            batch.slots.push_back({event.slot, event.epoch, event.seq, {}});
            bytes += kSlotBytesBound;
        }
        bytes += size;
        batch.slots.back().events.push_back(std::move(event));
    }
    flush(batch, out);
    std::move(for_users.begin(), for_users.end(), std::back_inserter(out));
    transitions_ += events.size();
    events.clear();
}

void Publisher::tick(std::uint64_t written, Freshness freshness,
                     std::vector<Publication>& out) const {
    out.push_back({std::string(kTopicTick),
                   encode_tick({tracker_, boot_, std::min(number_, written), freshness})});
}

}  // namespace presence::tracker
