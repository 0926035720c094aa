#include "notifier/deliver/sink_state.hpp"

#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"

namespace presence {

static void describe(auto& to, Is<Change> auto& change) {
    auto& event = change.event;
    to.record(event.user, named(event.state, state_named), event.reason, event.at_ms,
              event.since_ms, event.last_seen_ms, event.status, event.ttl_ms,
              named(event.freshness, freshness_named), only(event.slot, is_slot), event.epoch,
              event.seq, event.reconciled, change.told);
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

static void describe(auto& to, Is<Place> auto& place) {
    // The first version of facts had no open slots: there was no cursor as long as there were some.
    to.record(place.tracker, place.cursor.boot, place.cursor.batch,
              later(true, only(place.open_slots, is_slot)));
}

static void describe(auto& to, Is<Facts> auto& facts) {
    // Those before places kept marks had no number.
    to.record(facts.places, facts.row, facts.told, later(facts.sink != 0, facts.sink),
              later(facts.chunks != 0, facts.chunks));
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

template <class Content>
std::string write(Version version, const Content& content) {
    return write_message(Kept<const Content>{version, content});
}

template <class Content>
std::optional<Content> read(Version version, std::string_view bytes) {
    MsgpackTokens tokens;
    Content content;
    Kept<Content> kept{version, content};
    if (!tokens.parse(bytes, bytes.size()) || !MsgpackReader(tokens.cursor()).get(kept)) return {};
    return content;
}

}  // namespace

std::string encode_facts(const Facts& facts) {
    return write(kFactsVersion, facts);
}

std::optional<Facts> decode_facts(std::string_view bytes) {
    return read<Facts>(kFactsVersion, bytes);
}

std::string encode_changes(const std::vector<Change>& changes) {
    return write(kVersion, changes);
}

std::optional<std::vector<Change>> decode_changes(std::string_view bytes) {
    return read<std::vector<Change>>(kVersion, bytes);
}

std::string encode_shard(const std::vector<const Ledger*>& ledgers) {
    return write(kVersion, ledgers);
}

std::optional<std::vector<KeptSlot>> decode_shard(std::string_view bytes) {
    return read<std::vector<KeptSlot>>(kVersion, bytes);
}

}  // namespace presence::notifier
