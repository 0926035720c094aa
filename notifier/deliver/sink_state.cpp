#include "notifier/deliver/sink_state.hpp"

#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"

namespace presence::notifier {

namespace {

namespace read = msgpack_read;
using Tokens = read::Cursor;

constexpr std::uint32_t kVersion = 1;
// The first one had no open slots: there was no cursor as long as there were some.
constexpr std::uint32_t kFactsVersion = 2;

template <class Value>
void write_or_nil(MsgpackWriter& out, const std::optional<Value>& value) {
    if (!value)
        out.nil();
    else if constexpr (std::is_same_v<Value, std::string>)
        out.text(*value);
    else
        out.number(*value);
}

bool flag(Tokens& in, bool& into) {
    const auto value = in.boolean();
    if (value) into = *value;
    return value.has_value();
}

void write(MsgpackWriter& out, const Change& change) {
    const auto& event = change.event;
    out.array(14).text(event.user).text(name_of(event.state)).text(event.reason);
    out.number(event.at_ms);
    write_or_nil(out, event.since_ms);
    write_or_nil(out, event.last_seen_ms);
    write_or_nil(out, event.status);
    out.number(event.ttl_ms).text(name_of(event.freshness)).number(event.slot);
    out.number(event.epoch).number(event.seq).boolean(event.reconciled).boolean(change.told);
}

bool read_change(Tokens& in, Change& change) {
    auto& event = change.event;
    return read::record(in, 14, [&] {
        return read::value(in, event.user) && read::named(in, state_named, event.state) &&
               read::value(in, event.reason) && read::value(in, event.at_ms) &&
               read::value(in, event.since_ms) && read::value(in, event.last_seen_ms) &&
               read::value(in, event.status) && read::value(in, event.ttl_ms) &&
               read::named(in, freshness_named, event.freshness) && read::value(in, event.slot) &&
               event.slot < kSlots && read::value(in, event.epoch) && read::value(in, event.seq) &&
               flag(in, event.reconciled) && flag(in, change.told);
    });
}

bool read_user(Tokens& in, std::pair<std::string, Told>& user) {
    auto& told = user.second;
    return read::record(in, 5, [&] {
        return read::value(in, user.first) && read::value(in, told.since_ms) &&
               read::value(in, told.last_seen_ms) && read::value(in, told.ttl_ms) &&
               read::value(in, told.status);
    });
}

// [version, content]
template <class Content>
bool whole(std::string_view bytes, std::uint32_t newest, Content&& content) {
    MsgpackTokens tokens;
    if (!tokens.parse(bytes, bytes.size())) return false;
    auto in = tokens.cursor();
    std::uint32_t version = 0;
    return read::record(in, 2, [&] {
        return read::value(in, version) && version > 0 && version <= newest && content(in, version);
    });
}

bool read_place(Tokens& in, std::uint32_t version, Place& place) {
    return read::record(in, version == 1 ? 3 : 4, [&] {
        return read::value(in, place.tracker) && read::value(in, place.cursor.boot) &&
               read::value(in, place.cursor.batch) &&
               (version == 1 || read::each(in, [&] {
                    return read::value(in, place.open_slots.emplace_back()) &&
                           place.open_slots.back() < kSlots;
                }));
    });
}

}  // namespace

std::string encode_facts(const Facts& facts) {
    MsgpackWriter out;
    out.array(2).number(kFactsVersion).array(3).array(facts.places.size());
    for (const auto& place : facts.places) {
        out.array(4).text(place.tracker).number(place.cursor.boot).number(place.cursor.batch);
        out.array(place.open_slots.size());
        for (const auto slot : place.open_slots)
            out.number(slot);
    }
    out.number(facts.row).number(facts.told);
    return out.take();
}

std::optional<Facts> decode_facts(std::string_view bytes) {
    Facts facts;
    const bool good = whole(bytes, kFactsVersion, [&](Tokens& in, std::uint32_t version) {
        return read::record(in, 3, [&] {
            return read::each(
                       in, [&] { return read_place(in, version, facts.places.emplace_back()); }) &&
                   read::value(in, facts.row) && read::value(in, facts.told);
        });
    });
    return good ? std::optional(std::move(facts)) : std::nullopt;
}

std::string encode_changes(const std::vector<Change>& changes) {
    MsgpackWriter out;
    out.array(2).number(kVersion).array(changes.size());
    for (const auto& change : changes)
        write(out, change);
    return out.take();
}

std::optional<std::vector<Change>> decode_changes(std::string_view bytes) {
    std::vector<Change> changes;
    const bool good = whole(bytes, kVersion, [&](Tokens& in, std::uint32_t) {
        return read::each(in, [&] { return read_change(in, changes.emplace_back()); });
    });
    return good ? std::optional(std::move(changes)) : std::nullopt;
}

std::string encode_shard(const std::vector<const Ledger*>& ledgers) {
    MsgpackWriter out;
    out.array(2).number(kVersion).array(ledgers.size());
    for (const auto* const ledger : ledgers) {
        out.array(4).number(ledger->slot()).number(ledger->position().epoch);
        out.number(ledger->position().seq).array(ledger->users());
        ledger->each([&](const std::string& user, const Told& told) {
            out.array(5).text(user).number(told.since_ms).number(told.last_seen_ms);
            out.number(told.ttl_ms);
            write_or_nil(out, told.status);
        });
    }
    return out.take();
}

std::optional<std::vector<KeptSlot>> decode_shard(std::string_view bytes) {
    std::vector<KeptSlot> slots;
    const bool good = whole(bytes, kVersion, [&](Tokens& in, std::uint32_t) {
        return read::each(in, [&] {
            auto& kept = slots.emplace_back();
            return read::record(in, 4, [&] {
                return read::value(in, kept.slot) && kept.slot < kSlots &&
                       read::value(in, kept.position.epoch) && read::value(in, kept.position.seq) &&
                       read::each(in, [&] { return read_user(in, kept.users.emplace_back()); });
            });
        });
    });
    return good ? std::optional(std::move(slots)) : std::nullopt;
}

}  // namespace presence::notifier
