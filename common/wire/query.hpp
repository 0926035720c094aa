#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/wire/event.hpp"

// Questions to a tracker, or a notifier, and their answers (docs/protocol.md, "Queries"). One map
// in, one out.
namespace presence {

struct GetQuery {
    std::vector<std::string> users;  // at most kGetUsersMax
};
struct CountQuery {};
struct ListQuery {
    std::string cursor;  // empty: from the start
};
struct MapQuery {};
struct StatusQuery {};
struct SnapshotQuery {
    Slot slot = 0;
    std::string cursor;
};
// The batches after number `after`, which the asker had from run `boot`.
struct ReplayQuery {
    std::uint64_t boot = 0;
    std::uint64_t after = 0;
};

struct Query {
    std::variant<GetQuery, CountQuery, ListQuery, MapQuery, StatusQuery, SnapshotQuery, ReplayQuery>
        op;
    std::optional<std::uint64_t> rid;
};

// A refusal: `code` is short and stable (bad_query, unknown_op, bad_user, bad_slot, bad_cursor,
// moved, too_many, too_old, diverged), `message` is for people.
struct QueryError {
    std::string code;
    std::string message;
    std::string endpoint;  // of the owner, with `moved`
    std::optional<std::uint64_t> rid;
};

[[nodiscard]] std::string encode_query(const Query& query);
// A query or the refusal to answer with; `rid` is kept where it could be read.
[[nodiscard]] std::variant<Query, QueryError> decode_query(std::string_view bytes);

enum class Known : std::uint8_t { online, offline, unknown };

struct UserAnswer {
    std::string user;
    Known state = Known::unknown;
    std::optional<std::int64_t> since_ms;
    std::uint32_t sessions = 0;
    std::optional<std::string> status;
    std::optional<std::int64_t> last_seen_ms;
    // Online only because an edge is silent, "edge:<name>", and until when at the longest.
    std::optional<std::string> held_by{};
    std::optional<std::int64_t> held_until_ms{};
    // All their sessions have said bye: unless they are back within so long, they are offline.
    std::optional<std::int64_t> leaving_ms{};
};
struct GetAnswer {
    std::vector<UserAnswer> users;  // in the order asked
};
struct CountAnswer {
    std::uint64_t online = 0;
    std::uint64_t sessions = 0;
};
struct ListAnswer {
    std::vector<std::string> users;
    std::string cursor;  // empty: that was the last page
};
struct MapAnswer {
    struct Tracker {
        std::string id;
        std::string events;
        std::string query;
        std::vector<Slot> slots;
    };
    std::uint64_t version = 0;
    std::vector<Tracker> trackers;
};
// Name and number pairs, so that a tracker can tell more without a new format; text beside them.
struct StatusAnswer {
    std::string tracker;
    std::uint64_t boot = 0;
    std::string version;
    std::vector<std::pair<std::string, std::int64_t>> numbers;
    struct Collector {
        std::string id;
        std::uint64_t boot = 0;
        std::string state;        // "live" | "expected" | "silent"
        std::int64_t lag_ms = 0;  // how far its watermark is behind; -1: none yet
        std::string list{};       // of trackers, by which it routes; empty: not told
        std::string address{};    // it was heard from last; empty: never
    };
    std::vector<Collector> collectors;
    // Whom or what timeouts wait for, and how long at the longest.
    struct Hold {
        std::string what;            // "collector:c1", "edge:gw-7", "collectors", "disk", "restart"
        std::string why;             // see docs/protocol.md
        std::int64_t since_ms = 0;   // wall clock, as `until_ms`
        std::int64_t until_ms = 0;   // 0: nobody knows
        std::uint64_t sessions = 0;  // that wait
        std::string error{};         // of the disk: which file, and what the system says
    };
    std::vector<Hold> holds{};
    std::string list{};  // of trackers, by which this one goes: "VERSION/HASH"
    // Two processes, or more, under one id: of which one should be ended, or get its own.
    struct Shared {
        std::string what;               // "collector:c1", "notifier:n1", "tracker:t1"
        std::vector<std::string> from;  // their addresses, as far as they are known
    };
    std::vector<Shared> shared{};
};
// How the sinks of a notifier are.
struct SinksAnswer {
    struct Sink {
        std::string name;
        std::string type;
        std::string state{};        // see docs/protocol.md
        std::string reason{};       // why, as its last failure says
        std::int64_t since_ms = 0;  // wall clock: so long; 0: not told
        // All that had happened until then was told (wall clock; 0: never).
        std::int64_t told_until_ms = 0;
        std::vector<std::pair<std::string, std::int64_t>> numbers{};
    };
    std::string notifier;
    std::uint64_t boot = 0;
    std::string version;
    std::vector<Sink> sinks;
};
// One page of a slot as it was in one loop turn: pages of one snapshot share epoch, seq and batch.
struct SnapshotAnswer {
    struct User {
        std::string user;
        std::int64_t since_ms = 0;
        std::int64_t last_seen_ms = 0;
        std::uint32_t ttl_ms = 0;
        std::optional<std::string> status;
    };
    Slot slot = 0;
    Epoch epoch = 0;
    std::uint64_t seq = 0;  // 0: no event in this epoch yet
    std::uint64_t boot = 0;
    std::uint64_t batch = 0;
    // How far back the tracker's evidence reaches. That a user is absent proves "offline" only if
    // their ttl is not longer than this.
    std::uint64_t covers_ms = 0;
    std::vector<User> users;
    std::string cursor;  // empty: that was the last page
    // By which list the tracker goes, VERSION/HASH; older ones do not tell.
    std::optional<std::string> list{};
};
// Batches as they were published, in order and without a gap, up to about 1 MiB; ask for the rest
// with the boot and number of the last one.
struct ReplayAnswer {
    std::uint64_t boot = 0;   // of the run that answers
    std::uint64_t batch = 0;  // the last one there is
    std::vector<std::string> rows;
};

struct Answer {
    std::variant<GetAnswer, CountAnswer, ListAnswer, MapAnswer, StatusAnswer, SnapshotAnswer,
                 ReplayAnswer, SinksAnswer, QueryError>
        body;
    std::optional<std::uint64_t> rid;
    Freshness freshness = Freshness::live;
    std::int64_t as_of_ms = 0;
    std::vector<std::string> stale_by{};  // why it is stale: see docs/protocol.md
};

[[nodiscard]] std::string encode_answer(const Answer& answer);
// Nothing if the bytes are no answer. The kind is told by the keys present.
[[nodiscard]] std::optional<Answer> decode_answer(std::string_view bytes);

}  // namespace presence
