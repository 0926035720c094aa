#include "notifier/deliver/sink_state.hpp"

#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"

namespace presence {

static void describe_event(auto& to, auto& event, auto&... more) {
    to.record(event.user, named(event.state, state_named), event.reason, event.at_ms,
              event.since_ms, event.last_seen_ms, event.status, event.ttl_ms,
              named(event.freshness, freshness_named), only(event.slot, is_slot), event.epoch,
              event.seq, event.reconciled, more...);
}
static void describe(auto& to, Is<Change> auto& change) {
    describe_event(to, change.event, change.told);
}

static void describe_user(auto& to, auto& user, auto& told) {
    to.record(user, told.since_ms, told.last_seen_ms, told.ttl_ms, told.status);
}
static void describe(auto& to, Is<std::pair<std::string, Told>> auto& user) {
    describe_user(to, user.first, user.second);
}
// The users, without a copy of them.
static void describe(MsgpackWriter& to, const Ledger& ledger) {
    to.array(ledger.users());
    ledger.each([&](const auto& user, const auto& told) { describe_user(to, user, told); });
}

static void describe_slot(auto& to, auto& slot, auto& position, auto& users) {
    to.record(only(slot, is_slot), position.epoch, position.seq, users);
}
static void describe(MsgpackWriter& to, const Ledger* const& ledger) {
    const auto slot = ledger->slot();
    const auto position = ledger->position();
    describe_slot(to, slot, position, *ledger);
}

}  // namespace presence

namespace presence::notifier {

static void describe(auto& to, Is<KeptSlot> auto& kept) {
    describe_slot(to, kept.slot, kept.position, kept.users);
}

static void describe(auto& to, Is<HeldOffline> auto& held) {
    describe_event(to, held.event, held.status, held.since_ms);
}

static void describe(auto& to, Is<Place> auto& place) {
    // The first version of facts had no open slots: there was no cursor as long as there were some.
    to.record(place.tracker, place.cursor.boot, place.cursor.batch,
              later(true, only(place.open_slots, is_slot)),
              later(place.heard_ms != 0, place.heard_ms));
}

static void describe(auto& to, Is<Facts> auto& facts) {
    // Those before places kept marks had no number.
    const bool prefix = !facts.user_prefix.empty();
    to.record(facts.places, facts.row, facts.told, later(facts.sink != 0, facts.sink),
              later(facts.chunks != 0 || prefix, facts.chunks), later(prefix, facts.user_prefix));
}

namespace {

constexpr auto kVersion = version(1);
constexpr auto kFactsVersion = version(2, 1);

template <class Content>
struct Kept {
    Version version;
    Content& content;
};
template <class Content>
void describe(auto& to, const Kept<Content>& kept) {
    to.record(kept.version, kept.content);
}

// The same, and what is held of it.
template <class Content, class Held>
struct KeptWithHeld {
    Version version;
    Content& content;
    Held& held;
};
template <class Content, class Held>
void describe(auto& to, const KeptWithHeld<Content, Held>& kept) {
    to.record(kept.version, kept.content, later(!kept.held.empty(), kept.held));
}

bool read(std::string_view bytes, const auto& into) {
    MsgpackTokens tokens;
    return tokens.parse(bytes, bytes.size()) && MsgpackReader(tokens.cursor()).get(into);
}

}  // namespace

std::string encode_facts(const Facts& facts) {
    return write_message(Kept<const Facts>{kFactsVersion, facts});
}

std::optional<Facts> decode_facts(std::string_view bytes) {
    Facts facts;
    if (!read(bytes, Kept<Facts>{kFactsVersion, facts})) return {};
    return facts;
}

using Held = std::vector<HeldOffline>;

std::string encode_row(const std::vector<Change>& changes, const Held& held) {
    return write_message(
        KeptWithHeld<const std::vector<Change>, const Held>{kVersion, changes, held});
}

std::optional<KeptRow> decode_row(std::string_view bytes) {
    KeptRow row;
    if (!read(bytes, KeptWithHeld<std::vector<Change>, Held>{kVersion, row.changes, row.held}))
        return {};
    return row;
}

std::string encode_shard(const std::vector<const Ledger*>& ledgers, const Held& held) {
    return write_message(
        KeptWithHeld<const std::vector<const Ledger*>, const Held>{kVersion, ledgers, held});
}

std::optional<KeptShard> decode_shard(std::string_view bytes) {
    KeptShard shard;
    if (!read(bytes, KeptWithHeld<std::vector<KeptSlot>, Held>{kVersion, shard.slots, shard.held}))
        return {};
    return shard;
}

}  // namespace presence::notifier
