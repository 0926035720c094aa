#include "common/wire/batch.hpp"

#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"

namespace presence {
namespace {

using namespace msgpack_read;

template <class Value>
void write_or_nil(MsgpackWriter& out, const std::optional<Value>& value) {
    if (!value)
        out.nil();
    else if constexpr (std::is_same_v<Value, std::string>)
        out.text(*value);
    else
        out.number(*value);
}

void write(MsgpackWriter& out, const Event& event) {
    out.array(9).text(event.user).text(name_of(event.state)).text(event.reason).number(event.at_ms);
    write_or_nil(out, event.since_ms);
    write_or_nil(out, event.last_seen_ms);
    write_or_nil(out, event.status);
    out.number(event.ttl_ms).text(name_of(event.freshness));
}

bool read(Cursor& in, Event& event) {
    return record(in, 9, [&] {
        return value(in, event.user) && named(in, state_named, event.state) &&
               value(in, event.reason) && value(in, event.at_ms) && value(in, event.since_ms) &&
               value(in, event.last_seen_ms) && value(in, event.status) &&
               value(in, event.ttl_ms) && named(in, freshness_named, event.freshness);
    });
}

bool read(Cursor& in, SlotEvents& slot) {
    return record(in, 4, [&] {
        if (!value(in, slot.slot) || slot.slot >= kSlots || !value(in, slot.epoch) ||
            !is_epoch(slot.epoch) || !value(in, slot.first_seq))
            return false;
        return each(in, [&] {
            Event& event = slot.events.emplace_back();
            event.slot = slot.slot;
            event.epoch = slot.epoch;
            event.seq = slot.first_seq + slot.events.size() - 1;
            return read(in, event);
        });
    });
}

}  // namespace

std::string topic_of_user(std::string_view user) {
    std::string topic(kTopicUserPrefix);
    topic += user;
    topic += '\0';
    return topic;
}

std::string encode_batch(const Batch& batch) {
    MsgpackWriter out;
    std::size_t bytes = 128;
    for (const auto& slot : batch.slots) {
        bytes += 32;
        for (const auto& event : slot.events)
            bytes += event.user.size() + (event.status ? event.status->size() : 0) + 64;
    }
    out.reserve(bytes);
    out.array(6).number(kBatchVersion).text(batch.tracker).number(batch.boot);
    out.number(batch.number).number(batch.prev_boot).array(batch.slots.size());
    for (const auto& slot : batch.slots) {
        out.array(4).number(slot.slot).number(slot.epoch).number(slot.first_seq);
        out.array(slot.events.size());
        for (const auto& event : slot.events)
            write(out, event);
    }
    return out.take();
}

std::optional<Batch> decode_batch(std::string_view bytes) {
    MsgpackTokens tokens;
    if (!tokens.parse(bytes, bytes.size())) return {};
    auto in = tokens.cursor();
    Batch batch;
    std::uint32_t version = 0;
    const bool good = record(in, 6, [&] {
        return value(in, version) && version == kBatchVersion && value(in, batch.tracker) &&
               value(in, batch.boot) && value(in, batch.number) && value(in, batch.prev_boot) &&
               each(in, [&] { return read(in, batch.slots.emplace_back()); });
    });
    return good ? std::optional(std::move(batch)) : std::nullopt;
}

std::string encode_tick(const Tick& tick) {
    MsgpackWriter out;
    out.array(4).number(kBatchVersion).text(tick.tracker).number(tick.boot).number(tick.last_batch);
    return out.take();
}

std::optional<Tick> decode_tick(std::string_view bytes) {
    MsgpackTokens tokens;
    if (!tokens.parse(bytes, bytes.size())) return {};
    auto in = tokens.cursor();
    Tick tick;
    std::uint32_t version = 0;
    const bool good = record(in, 4, [&] {
        return value(in, version) && version == kBatchVersion && value(in, tick.tracker) &&
               value(in, tick.boot) && value(in, tick.last_batch);
    });
    return good ? std::optional(std::move(tick)) : std::nullopt;
}

}  // namespace presence
