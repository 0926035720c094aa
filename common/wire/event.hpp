#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/slots.hpp"
#include "common/time.hpp"
#include "common/transition.hpp"

namespace presence {

// How far an answer or event can be trusted to be current; see docs/protocol.md.
enum class Freshness : std::uint8_t { live, warming, frozen, stale };

[[nodiscard]] std::string_view name_of(Freshness freshness);
[[nodiscard]] std::optional<State> state_named(std::string_view name);
[[nodiscard]] std::optional<Freshness> freshness_named(std::string_view name);

// One transition of one user, as it travels from tracker to sink. Order of a user's events is that
// of (epoch, seq), never that of times.
struct Event {
    std::string user;
    State state = State::online;
    std::string reason;  // as on the wire: newer trackers may know more reasons than we do
    std::int64_t at_ms = 0;
    std::optional<std::int64_t> since_ms;
    std::optional<std::int64_t> last_seen_ms;
    std::optional<std::string> status;
    std::uint32_t ttl_ms = 0;
    Freshness freshness = Freshness::live;
    Slot slot = 0;
    Epoch epoch = 0;
    std::uint64_t seq = 0;
    bool reconciled = false;  // found by comparison, not told by the tracker: the id says so

    friend bool operator==(const Event&, const Event&) = default;
};

// Among a sink's events: that some are missing, since the journal of the tracker named by `status`
// does not reach back. It has no user.
[[nodiscard]] bool is_gap_notice(const Event& event);

// "<slot>.<epoch>.<seq>", for a reconciled difference followed by ".r<XXH3 of the user in hex>".
[[nodiscard]] std::string id_of(const Event& event);

// The event object as one line of JSON, without the newline.
[[nodiscard]] std::string to_json(const Event& event);
// The event object as msgpack: the body of `user/` messages.
[[nodiscard]] std::string to_msgpack(const Event& event);

}  // namespace presence
