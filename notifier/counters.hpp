#pragma once

#include <array>

#include "common/counters.hpp"

// What a notifier counts beside its followers (common/follow/counters.hpp), over all its sinks.
namespace presence::notifier {

inline constexpr auto kCounters = std::to_array<Counter>({
    {"misshapen", CounterKind::trouble, "Messages on topics, or in parts, that no tracker sends."},
    {"online", CounterKind::gauge, "Users online, as followed."},
    {"delivered", CounterKind::count, "Events that sinks took."},
    {"failures", CounterKind::trouble, "Times that a sink failed to take something."},
    {"let_go", CounterKind::trouble, "Events not kept for a slow sink. They are replayed."},
    {"waiting", CounterKind::gauge, "Events that wait for sinks, those in flight included."},
    {"dead", CounterKind::trouble, "Events given up."},
    {"aside", CounterKind::trouble_gauge,
     "Users of whom an event fails alone, while others go on."},
    {"held", CounterKind::gauge, "Offlines that wait for `delay`."},
    {"returned", CounterKind::count,
     "Offlines that were not told, as their user was back within `delay`."},
    {"refusing", CounterKind::trouble_gauge, "Sinks that refuse everything they are told."},
    {"refills", CounterKind::trouble,
     "Times that a place was told everything anew, as it had lost it."},
    {"gone", CounterKind::trouble_gauge, "Sinks that want nothing more."},
    {"answers_ignored", CounterKind::trouble, "Lines of `exec` programs that acknowledge nothing."},
});
using NotifierCounters = Counters<kCounters>;

}  // namespace presence::notifier
