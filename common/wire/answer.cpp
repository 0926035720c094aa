#include <array>

#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"
#include "common/wire/query.hpp"

namespace presence {
namespace {

constexpr std::array<std::string_view, 3> kKnown{"online", "offline", "unknown"};

std::optional<Known> known_named(std::string_view name) {
    for (std::size_t i = 0; i < kKnown.size(); ++i)
        if (kKnown[i] == name) return static_cast<Known>(i);
    return {};
}

template <class Body>
void make(Answer& answer) {
    answer.body.emplace<Body>();
}

// The kind of an answer is that of the first of these keys that it has.
struct Kind {
    std::string_view key;
    void (*make)(Answer&);
};
constexpr std::array<Kind, 9> kKinds{{{"error", make<QueryError>},
                                      {"notifier", make<SinksAnswer>},
                                      {"rows", make<ReplayAnswer>},
                                      {"trackers", make<MapAnswer>},
                                      {"slot", make<SnapshotAnswer>},
                                      {"tracker", make<StatusAnswer>},
                                      {"online", make<CountAnswer>},
                                      {"cursor", make<ListAnswer>},
                                      {"users", make<GetAnswer>}}};

// False if the bytes are no map, or have none of the keys.
bool make_body(MsgpackTokens::Cursor in, Answer& answer) {
    auto kind = kKinds.size();
    const bool map = msgpack_read::each_key(in, [&](std::string_view key) {
        for (std::size_t i = 0; i < kind; ++i)
            if (kKinds[i].key == key) kind = i;
        return msgpack_read::skip(in);
    });
    if (!map || kind == kKinds.size()) return false;
    kKinds[kind].make(answer);
    return true;
}

std::size_t room_for(const SnapshotAnswer& snapshot) {
    std::size_t bytes = 256;
    for (const auto& u : snapshot.users)
        bytes += u.user.size() + (u.status ? u.status->size() : 0) + 32;
    return bytes;
}

}  // namespace

static std::string_view name_of(Known known) {
    return kKnown.at(static_cast<std::size_t>(known));
}

// Bodies, and what they hold. `shared` is what every answer has in the map of its body.

static void describe(auto& to, Is<QueryError> auto& e, const auto&... shared) {
    to.map(key("error", e.code), key("message", e.message), some("endpoint", e.endpoint),
           shared...);
}

static void describe(auto& to, Is<UserAnswer> auto& u) {
    to.map(key("user", u.user), key("state", named(u.state, known_named)),
           some("since_ms", u.since_ms), key("sessions", u.sessions), some("status", u.status),
           some("last_seen_ms", u.last_seen_ms), some("held_by", u.held_by),
           some("held_until_ms", u.held_until_ms), some("leaving_ms", u.leaving_ms));
}

static void describe(auto& to, Is<GetAnswer> auto& a, const auto&... shared) {
    to.map(key("users", a.users), shared...);
}

static void describe(auto& to, Is<CountAnswer> auto& a, const auto&... shared) {
    to.map(key("online", a.online), key("sessions", a.sessions), shared...);
}

static void describe(auto& to, Is<ListAnswer> auto& a, const auto&... shared) {
    to.map(key("users", a.users), key("cursor", a.cursor), shared...);
}

static void describe(auto& to, Is<MapAnswer::Tracker> auto& t) {
    to.map(key("id", t.id), key("events", t.events), key("query", t.query),
           key("slots", only(t.slots, is_slot)));
}

static void describe(auto& to, Is<MapAnswer> auto& a, const auto&... shared) {
    to.map(key("version", a.version), key("trackers", a.trackers), shared...);
}

static void describe(auto& to, Is<StatusAnswer::Collector> auto& c) {
    to.map(key("id", c.id), key("boot", c.boot), key("state", c.state), key("lag_ms", c.lag_ms),
           some("list", c.list), some("address", c.address));
}

static void describe(auto& to, Is<StatusAnswer::Hold> auto& h) {
    to.map(key("what", h.what), key("why", h.why), key("since_ms", h.since_ms),
           key("until_ms", h.until_ms), key("sessions", h.sessions), some("error", h.error));
}

static void describe(auto& to, Is<StatusAnswer::Shared> auto& s) {
    to.map(key("what", s.what), key("from", s.from));
}

static void describe(auto& to, Is<StatusAnswer> auto& a, const auto&... shared) {
    to.map(key("tracker", a.tracker), key("boot", a.boot), key("version", a.version),
           key("numbers", a.numbers), key("collectors", a.collectors), key("holds", a.holds),
           some("list", a.list), some("ids_shared", a.shared), shared...);
}

static void describe(auto& to, Is<SinksAnswer::Sink> auto& s) {
    to.map(key("name", s.name), key("type", s.type), key("state", s.state),
           some("reason", s.reason), some("since_ms", s.since_ms),
           key("told_until_ms", s.told_until_ms), key("numbers", s.numbers));
}

static void describe(auto& to, Is<SinksAnswer> auto& a, const auto&... shared) {
    to.map(key("notifier", a.notifier), key("boot", a.boot), key("version", a.version),
           key("sinks", a.sinks), shared...);
}

static void describe(auto& to, Is<SnapshotAnswer::User> auto& u) {
    to.record(u.user, u.since_ms, u.last_seen_ms, u.ttl_ms, u.status);
}

static void describe(auto& to, Is<SnapshotAnswer> auto& a, const auto&... shared) {
    to.map(key("slot", only(a.slot, is_slot)), key("epoch", only(a.epoch, is_epoch)),
           key("seq", a.seq), key("boot", a.boot), key("batch", a.batch),
           key("covers_ms", a.covers_ms), key("users", a.users), key("cursor", a.cursor),
           some("list", a.list), shared...);
}

static void describe(auto& to, Is<ReplayAnswer> auto& a, const auto&... shared) {
    to.map(key("boot", a.boot), key("batch", a.batch), key("rows", bins(a.rows)), shared...);
}

static void describe(auto& to, Is<Answer> auto& a) {
    const auto described = [&](auto& body) {
        describe(to, body, some("rid", a.rid),
                 key("freshness", named(a.freshness, freshness_named)), key("as_of_ms", a.as_of_ms),
                 some("stale_by", a.stale_by));
    };
    std::visit(described, a.body);
}

std::string encode_answer(const Answer& answer) {
    const auto* const snapshot = std::get_if<SnapshotAnswer>(&answer.body);
    return write_message(answer, snapshot ? room_for(*snapshot) : 0);
}

std::optional<Answer> decode_answer(std::string_view bytes) {
    MsgpackTokens tokens;
    Answer answer;
    if (!tokens.parse(bytes, bytes.size()) || !make_body(tokens.cursor(), answer) ||
        !MsgpackReader(tokens.cursor()).get(answer))
        return {};
    if (auto* error = std::get_if<QueryError>(&answer.body)) error->rid = answer.rid;
    return answer;
}

}  // namespace presence
