#include "common/wire/batch.hpp"

#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"

namespace presence {

static void describe(auto& to, Is<Event> auto& event) {
    to.record(event.user, named(event.state, state_named), event.reason, event.at_ms,
              event.since_ms, event.last_seen_ms, event.status, event.ttl_ms,
              named(event.freshness, freshness_named));
}

static void describe(auto& to, Is<SlotEvents> auto& slot) {
    to.record(only(slot.slot, is_slot), only(slot.epoch, is_epoch), slot.first_seq, slot.events);
}

static void describe(auto& to, Is<Batch> auto& batch) {
    to.record(version(kBatchVersion), batch.tracker, batch.boot, batch.number, batch.prev_boot,
              batch.slots);
}

static void describe(auto& to, Is<Tick> auto& tick) {
    to.record(version(kBatchVersion), tick.tracker, tick.boot, tick.last_batch,
              later(tick.freshness != Freshness::live, named(tick.freshness, freshness_named)));
}

std::string topic_of_user(std::string_view user) {
    std::string topic(kTopicUserPrefix);
    topic += user;
    topic += '\0';
    return topic;
}

std::string encode_batch(const Batch& batch) {
    std::size_t bytes = 128;
    for (const auto& slot : batch.slots) {
        bytes += 32;
        for (const auto& event : slot.events)
            bytes += event.user.size() + (event.status ? event.status->size() : 0) + 64;
    }
    return write_message(batch, bytes);
}

std::optional<Batch> decode_batch(std::string_view bytes) {
    auto batch = read_message<Batch>(bytes, bytes.size());
    if (!batch) return {};
    for (auto& slot : batch->slots) {
        auto seq = slot.first_seq;
        for (auto& event : slot.events) {
            event.slot = slot.slot;
            event.epoch = slot.epoch;
            event.seq = seq++;
        }
    }
    return batch;
}

std::string encode_tick(const Tick& tick) {
    return write_message(tick);
}

std::optional<Tick> decode_tick(std::string_view bytes) {
    return read_message<Tick>(bytes, bytes.size());
}

}  // namespace presence
