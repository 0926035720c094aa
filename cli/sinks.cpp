#include "cli/sinks.hpp"

#include <array>
#include <string_view>

#include "cli/human.hpp"

namespace presence::cli {

namespace {

struct State {
    std::string_view word;     // as a notifier says it
    std::string_view meaning;  // behind the sink's name
    bool trouble;
};
constexpr std::array<State, 8> kStates{{
    {"ok", "is ok", false},
    {"catching_up", "catches up", false},
    {"refilling", "has its place told everything anew", false},
    {"behind", "is behind: what it could not take is replayed", true},
    {"hanging", "does not answer", true},
    {"failing", "fails", true},
    {"refusing", "refuses everything", true},
    {"gone", "wants nothing more; SIGHUP has it tried again", true},
}};

// Of a newer notifier, or of one that does not work at all.
State state_of(const SinksAnswer::Sink& sink) {
    for (const auto& state : kStates)
        if (state.word == sink.state) return state;
    const std::string_view word = sink.state;
    return {word, word == "not_opened" ? "cannot be opened" : word, true};
}

std::int64_t number_of(const SinksAnswer::Sink& sink, std::string_view name) {
    for (const auto& [key, value] : sink.numbers)
        if (key == name) return value;
    return 0;
}

}  // namespace

std::string health_of(const SinksAnswer::Sink& sink, std::int64_t now_ms) {
    std::string text(state_of(sink).meaning);
    const auto ago = [&](std::int64_t then_ms) {
        return for_people(length_between_ms(then_ms, now_ms));
    };
    if (sink.since_ms != 0) text += " for " + ago(sink.since_ms);
    if (!sink.reason.empty()) text += ": " + sink.reason;
    const auto add = [&](std::string_view name, const std::string& what) {
        if (const auto number = number_of(sink, name); number > 0)
            text += "; " + std::to_string(number) + what;
    };
    add("waiting", " wait");
    add("held", " held for `delay`");
    add("aside", " users aside");
    add("dead_letters", " dead letters");
    text += sink.told_until_ms == 0 ? "; not told everything yet"
                                    : "; told everything until " + ago(sink.told_until_ms) + " ago";
    return text;
}

std::string trouble_of(const SinksAnswer::Sink& sink) {
    const auto state = state_of(sink);
    if (!state.trouble) return {};
    return "sink " + sink.name + " " + std::string(state.meaning) +
           (sink.reason.empty() ? "" : ": " + sink.reason);
}

}  // namespace presence::cli
