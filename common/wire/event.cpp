#include "common/wire/event.hpp"

#include <array>
#include <charconv>

#include "common/wire/msgpack_writer.hpp"

namespace presence {
namespace {

constexpr std::array<std::string_view, 4> kFreshnesses{"live", "warming", "frozen", "stale"};

template <class Enum, std::size_t N>
std::optional<Enum> find(const std::array<std::string_view, N>& names, std::string_view name) {
    for (std::size_t i = 0; i < N; ++i)
        if (names[i] == name) return static_cast<Enum>(i);
    return {};
}

}  // namespace

std::string_view name_of(Freshness freshness) {
    return kFreshnesses.at(static_cast<std::size_t>(freshness));
}

std::optional<State> state_named(std::string_view name) {
    return find<State>(kStates, name);
}
std::optional<Freshness> freshness_named(std::string_view name) {
    return find<Freshness>(kFreshnesses, name);
}

bool is_gap_notice(const Event& event) {
    return event.user.empty() && event.reason == "gap";
}

std::string id_of(const Event& event) {
    if (is_gap_notice(event))
        return "gap." + event.status.value_or("") + "." + std::to_string(event.at_ms);
    std::string id = std::to_string(event.slot) + "." + std::to_string(event.epoch) + "." +
                     std::to_string(event.seq);
    if (!event.reconciled) return id;
    std::array<char, 16> hex{};
    const auto end =
        std::to_chars(hex.data(), hex.data() + hex.size(), hash_of(event.user), 16).ptr;
    const auto digits = static_cast<std::size_t>(end - hex.data());
    return id + ".r" + std::string(hex.size() - digits, '0') + std::string(hex.data(), digits);
}

std::string to_msgpack(const Event& event) {
    const auto id = id_of(event);
    MsgpackWriter out;
    out.map(key("id", id), key("user", event.user), key("state", named(event.state, state_named)),
            key("reason", event.reason), key("at_ms", event.at_ms),
            some("since_ms", event.since_ms), some("last_seen_ms", event.last_seen_ms),
            some("status", event.status), key("freshness", named(event.freshness, freshness_named)),
            key("slot", event.slot), key("epoch", event.epoch), key("seq", event.seq));
    return out.take();
}

}  // namespace presence
