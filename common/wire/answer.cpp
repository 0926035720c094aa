#include <array>

#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"
#include "common/wire/query.hpp"

namespace presence {
namespace {

using namespace msgpack_read;

constexpr std::array<std::string_view, 3> kKnown{"online", "offline", "unknown"};

std::optional<Known> known_named(std::string_view name) {
    for (std::size_t i = 0; i < kKnown.size(); ++i)
        if (kKnown[i] == name) return static_cast<Known>(i);
    return {};
}

// Writes the pairs of a body; `extra` of the answer follow.
struct BodyWriter {
    MsgpackWriter& out;
    std::size_t extra;

    void operator()(const QueryError& e) const {
        out.map(2 + (e.endpoint.empty() ? 0u : 1u) + extra);
        out.text("error").text(e.code).text("message").text(e.message);
        if (!e.endpoint.empty()) out.text("endpoint").text(e.endpoint);
    }
    void operator()(const GetAnswer& a) const {
        out.map(1 + extra).text("users").array(a.users.size());
        for (const auto& u : a.users) {
            out.map(std::size_t{3} + u.since_ms.has_value() + u.status.has_value() +
                    u.last_seen_ms.has_value() + u.held_by.has_value() +
                    u.held_until_ms.has_value());
            out.text("user").text(u.user);
            out.text("state").text(kKnown.at(static_cast<std::size_t>(u.state)));
            if (u.since_ms) out.text("since_ms").number(*u.since_ms);
            out.text("sessions").number(u.sessions);
            if (u.status) out.text("status").text(*u.status);
            if (u.last_seen_ms) out.text("last_seen_ms").number(*u.last_seen_ms);
            if (u.held_by) out.text("held_by").text(*u.held_by);
            if (u.held_until_ms) out.text("held_until_ms").number(*u.held_until_ms);
        }
    }
    void operator()(const CountAnswer& a) const {
        out.map(2 + extra).text("online").number(a.online).text("sessions").number(a.sessions);
    }
    void operator()(const ListAnswer& a) const {
        out.map(2 + extra).text("users").array(a.users.size());
        for (const auto& user : a.users)
            out.text(user);
        out.text("cursor").text(a.cursor);
    }
    void operator()(const MapAnswer& a) const {
        out.map(2 + extra).text("version").number(a.version);
        out.text("trackers").array(a.trackers.size());
        for (const auto& t : a.trackers) {
            out.map(4).text("id").text(t.id).text("events").text(t.events);
            out.text("query").text(t.query).text("slots").array(t.slots.size());
            for (const Slot slot : t.slots)
                out.number(slot);
        }
    }
    void operator()(const StatusAnswer& a) const {
        out.map(6 + !a.shared.empty() + !a.list.empty() + extra)
            .text("tracker")
            .text(a.tracker)
            .text("boot")
            .number(a.boot);
        out.text("version").text(a.version).text("numbers").map(a.numbers.size());
        for (const auto& [name, number] : a.numbers)
            out.text(name).number(number);
        out.text("collectors").array(a.collectors.size());
        for (const auto& c : a.collectors) {
            out.map(4 + !c.list.empty()).text("id").text(c.id).text("boot").number(c.boot);
            out.text("state").text(c.state).text("lag_ms").number(c.lag_ms);
            if (!c.list.empty()) out.text("list").text(c.list);
        }
        out.text("holds").array(a.holds.size());
        for (const auto& h : a.holds) {
            out.map(5 + !h.error.empty()).text("what").text(h.what).text("why").text(h.why);
            out.text("since_ms").number(h.since_ms).text("until_ms").number(h.until_ms);
            out.text("sessions").number(h.sessions);
            if (!h.error.empty()) out.text("error").text(h.error);
        }
        if (!a.list.empty()) out.text("list").text(a.list);
        if (a.shared.empty()) return;
        out.text("ids_shared").array(a.shared.size());
        for (const auto& shared : a.shared) {
            out.map(2).text("what").text(shared.what).text("from").array(shared.from.size());
            for (const auto& address : shared.from)
                out.text(address);
        }
    }
    void operator()(const SnapshotAnswer& a) const {
        std::size_t bytes = 256;
        for (const auto& u : a.users)
            bytes += u.user.size() + (u.status ? u.status->size() : 0) + 32;
        out.reserve(bytes);
        out.map(8 + extra).text("slot").number(a.slot).text("epoch").number(a.epoch);
        out.text("seq").number(a.seq).text("boot").number(a.boot).text("batch").number(a.batch);
        out.text("covers_ms").number(a.covers_ms).text("users").array(a.users.size());
        for (const auto& u : a.users) {
            out.array(5).text(u.user).number(u.since_ms).number(u.last_seen_ms).number(u.ttl_ms);
            u.status ? out.text(*u.status) : out.nil();
        }
        out.text("cursor").text(a.cursor);
    }
    void operator()(const ReplayAnswer& a) const {
        out.map(3 + extra).text("boot").number(a.boot).text("batch").number(a.batch);
        out.text("rows").array(a.rows.size());
        for (const auto& row : a.rows)
            out.bin(row);
    }
};

bool read(Cursor& in, QueryError& e) {
    return each_key(in, [&](std::string_view key) {
        if (key == "error") return value(in, e.code);
        if (key == "message") return value(in, e.message);
        if (key == "endpoint") return value(in, e.endpoint);
        return skip(in);
    });
}

bool read_user(Cursor& in, UserAnswer& u) {
    return each_key(in, [&](std::string_view key) {
        if (key == "user") return value(in, u.user);
        if (key == "state") return named(in, known_named, u.state);
        if (key == "since_ms") return value(in, u.since_ms);
        if (key == "sessions") return value(in, u.sessions);
        if (key == "status") return value(in, u.status);
        if (key == "last_seen_ms") return value(in, u.last_seen_ms);
        if (key == "held_by") return value(in, u.held_by);
        if (key == "held_until_ms") return value(in, u.held_until_ms);
        return skip(in);
    });
}

bool read(Cursor& in, GetAnswer& a) {
    return each_key(in, [&](std::string_view key) {
        if (key != "users") return skip(in);
        return each(in, [&] { return read_user(in, a.users.emplace_back()); });
    });
}

bool read(Cursor& in, CountAnswer& a) {
    return each_key(in, [&](std::string_view key) {
        if (key == "online") return value(in, a.online);
        if (key == "sessions") return value(in, a.sessions);
        return skip(in);
    });
}

bool read(Cursor& in, ListAnswer& a) {
    return each_key(in, [&](std::string_view key) {
        if (key == "cursor") return value(in, a.cursor);
        if (key != "users") return skip(in);
        return each(in, [&] { return value(in, a.users.emplace_back()); });
    });
}

bool read_tracker(Cursor& in, MapAnswer::Tracker& t) {
    return each_key(in, [&](std::string_view key) {
        if (key == "id") return value(in, t.id);
        if (key == "events") return value(in, t.events);
        if (key == "query") return value(in, t.query);
        if (key != "slots") return skip(in);
        return each(in, [&] {
            Slot& slot = t.slots.emplace_back();
            return value(in, slot) && slot < kSlots;
        });
    });
}

bool read(Cursor& in, MapAnswer& a) {
    return each_key(in, [&](std::string_view key) {
        if (key == "version") return value(in, a.version);
        if (key != "trackers") return skip(in);
        return each(in, [&] { return read_tracker(in, a.trackers.emplace_back()); });
    });
}

bool read_collector(Cursor& in, StatusAnswer::Collector& c) {
    return each_key(in, [&](std::string_view key) {
        if (key == "id") return value(in, c.id);
        if (key == "boot") return value(in, c.boot);
        if (key == "state") return value(in, c.state);
        if (key == "lag_ms") return value(in, c.lag_ms);
        if (key == "list") return value(in, c.list);
        return skip(in);
    });
}

bool read_shared(Cursor& in, StatusAnswer::Shared& s) {
    return each_key(in, [&](std::string_view key) {
        if (key == "what") return value(in, s.what);
        if (key != "from") return skip(in);
        return each(in, [&] { return value(in, s.from.emplace_back()); });
    });
}

bool read_hold(Cursor& in, StatusAnswer::Hold& h) {
    return each_key(in, [&](std::string_view key) {
        if (key == "what") return value(in, h.what);
        if (key == "why") return value(in, h.why);
        if (key == "since_ms") return value(in, h.since_ms);
        if (key == "until_ms") return value(in, h.until_ms);
        if (key == "sessions") return value(in, h.sessions);
        if (key == "error") return value(in, h.error);
        return skip(in);
    });
}

bool read(Cursor& in, StatusAnswer& a) {
    return each_key(in, [&](std::string_view key) {
        if (key == "tracker") return value(in, a.tracker);
        if (key == "boot") return value(in, a.boot);
        if (key == "version") return value(in, a.version);
        if (key == "list") return value(in, a.list);
        if (key == "numbers")
            return each_key(in, [&](std::string_view name) {
                return value(in, a.numbers.emplace_back(name, 0).second);
            });
        if (key == "holds") return each(in, [&] { return read_hold(in, a.holds.emplace_back()); });
        if (key == "ids_shared")
            return each(in, [&] { return read_shared(in, a.shared.emplace_back()); });
        if (key != "collectors") return skip(in);
        return each(in, [&] { return read_collector(in, a.collectors.emplace_back()); });
    });
}

bool read(Cursor& in, SnapshotAnswer& a) {
    return each_key(in, [&](std::string_view key) {
        if (key == "slot") return value(in, a.slot) && a.slot < kSlots;
        if (key == "epoch") return value(in, a.epoch) && is_epoch(a.epoch);
        if (key == "seq") return value(in, a.seq);
        if (key == "boot") return value(in, a.boot);
        if (key == "batch") return value(in, a.batch);
        if (key == "covers_ms") return value(in, a.covers_ms);
        if (key == "cursor") return value(in, a.cursor);
        if (key != "users") return skip(in);
        return each(in, [&] {
            auto& u = a.users.emplace_back();
            return record(in, 5, [&] {
                return value(in, u.user) && value(in, u.since_ms) && value(in, u.last_seen_ms) &&
                       value(in, u.ttl_ms) && value(in, u.status);
            });
        });
    });
}

bool read(Cursor& in, ReplayAnswer& a) {
    return each_key(in, [&](std::string_view key) {
        if (key == "boot") return value(in, a.boot);
        if (key == "batch") return value(in, a.batch);
        if (key != "rows") return skip(in);
        return each(in, [&] { return value(in, a.rows.emplace_back()); });
    });
}

template <class Body>
bool read_body(Cursor in, Answer& answer) {
    return read(in, answer.body.emplace<Body>());
}

// What every answer carries, and which keys stand beside it.
struct Heading {
    bool error = false, rows = false, trackers = false, slot = false, tracker = false,
         online = false, cursor = false, users = false;

    bool read(Cursor in, Answer& answer) {
        return each_key(in, [&](std::string_view key) {
            error = error || key == "error";
            rows = rows || key == "rows";
            trackers = trackers || key == "trackers";
            slot = slot || key == "slot";
            tracker = tracker || key == "tracker";
            online = online || key == "online";
            cursor = cursor || key == "cursor";
            users = users || key == "users";
            if (key == "rid") return value(in, answer.rid);
            if (key == "freshness") return named(in, freshness_named, answer.freshness);
            if (key == "as_of_ms") return value(in, answer.as_of_ms);
            if (key == "stale_by")
                return each(in, [&] { return value(in, answer.stale_by.emplace_back()); });
            return skip(in);
        });
    }
};

}  // namespace

std::string encode_answer(const Answer& answer) {
    MsgpackWriter out;
    const bool why = !answer.stale_by.empty();
    std::visit(BodyWriter{out, std::size_t{2} + answer.rid.has_value() + why}, answer.body);
    if (answer.rid) out.text("rid").number(*answer.rid);
    out.text("freshness").text(name_of(answer.freshness)).text("as_of_ms").number(answer.as_of_ms);
    if (why) {
        out.text("stale_by").array(answer.stale_by.size());
        for (const auto& reason : answer.stale_by)
            out.text(reason);
    }
    return out.take();
}

std::optional<Answer> decode_answer(std::string_view bytes) {
    MsgpackTokens tokens;
    if (!tokens.parse(bytes, bytes.size())) return {};
    Answer answer;
    Heading has;
    const auto in = tokens.cursor();
    if (!has.read(in, answer)) return {};
    const bool good = has.error      ? read_body<QueryError>(in, answer)
                      : has.rows     ? read_body<ReplayAnswer>(in, answer)
                      : has.trackers ? read_body<MapAnswer>(in, answer)
                      : has.slot     ? read_body<SnapshotAnswer>(in, answer)
                      : has.tracker  ? read_body<StatusAnswer>(in, answer)
                      : has.online   ? read_body<CountAnswer>(in, answer)
                      : has.cursor   ? read_body<ListAnswer>(in, answer)
                                     : has.users && read_body<GetAnswer>(in, answer);
    if (!good) return {};
    if (auto* error = std::get_if<QueryError>(&answer.body)) error->rid = answer.rid;
    return answer;
}

}  // namespace presence
