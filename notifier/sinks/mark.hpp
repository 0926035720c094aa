#pragma once

#include <cstdint>
#include <optional>
#include <string>

// What a place that holds who is online keeps of the sink that writes it, so that one which lost
// what it took is noticed: it restarted empty or as it was earlier, or it is another place.
namespace presence::notifier {

// Which chunk of which sink a place took last.
struct Mark {
    std::uint64_t sink = 0;   // another one for each sink that begins anew
    std::uint64_t chunk = 0;  // 1, 2, ...
    bool whole = false;       // it holds all that the sink was told: no refill is under way

    friend bool operator==(const Mark&, const Mark&) = default;
};

// "5:17:1" and back; nothing for anything else.
[[nodiscard]] std::string text_of(const Mark& mark);
[[nodiscard]] std::optional<Mark> parse_mark(const std::string& text);

// Why a place has to be refilled: everyone who is online told again, and everyone who is online
// there alone told offline. Empty: it holds what it took. `there`: its mark; `kept`: what the sink
// knows to be taken, of which one more may have been on its way.
//
// A chunk beyond that was written by this sink in a life that its own store has lost. Nobody knows
// what came after, so it counts as lost.
[[nodiscard]] std::string why_refill(const std::optional<Mark>& there, const Mark& kept);

}  // namespace presence::notifier
