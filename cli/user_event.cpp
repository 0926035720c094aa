#include "cli/user_event.hpp"

#include "common/wire/msgpack_read.hpp"

namespace presence::cli {
namespace {

constexpr std::size_t kTokensMax = 1000;

}  // namespace

std::optional<Event> read_user_event(std::string_view bytes) {
    MsgpackTokens tokens;
    if (!tokens.parse(bytes, kTokensMax)) return {};
    Event event;
    std::optional<State> state;
    MsgpackReader from(tokens.cursor());
    from.map(key("user", event.user), key("state", named(state, state_named)),
             key("reason", event.reason), key("at_ms", event.at_ms),
             key("since_ms", event.since_ms), key("last_seen_ms", event.last_seen_ms),
             key("status", event.status), key("freshness", named(event.freshness, freshness_named)),
             key("slot", only(event.slot, is_slot)), key("epoch", only(event.epoch, is_epoch)),
             key("seq", event.seq));
    if (!from.ok() || event.user.empty() || !state) return {};
    event.state = *state;
    return event;
}

}  // namespace presence::cli
