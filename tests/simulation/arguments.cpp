#include "tests/simulation/arguments.hpp"

#include <charconv>
#include <string_view>

#include "tests/simulation/runner.hpp"

namespace presence::simulation {

const char* const kUsage =
    "presence-simulation --seeds FIRST..LAST [--complete] [--jobs N] [--bug NAME]\n"
    "presence-simulation --seed N [--trace [--user ID]] [--faults N,N... | none] [--bug NAME]\n"
    "presence-simulation --shrink SEED [--bug NAME]\n"
    "presence-simulation --bugs FILE --bug NAME\n"
    "presence-simulation --find-bugs --seeds FIRST..LAST [--bug NAME]\n"
    "presence-simulation --walls --seeds FIRST..LAST\n"
    "  --complete   fail unless every fault met every place it can meet\n"
    "  --trace      print what happens, in true time; with --user only what concerns that user\n"
    "  --faults     of the faults that the seed draws, only these\n"
    "  --shrink     leave out faults as long as the seed still fails\n"
    "  --bug        with a bug made on purpose (common/bugs.hpp)\n"
    "  --bugs       fail unless each seed that the file records for the bug finds it\n"
    "  --find-bugs  print such a file: for each bug some seeds that find it\n"
    "  --walls      the same with clocks on the wall that jump and that do not: nothing may "
    "differ\n"
    "  --wall       as one of them: still or jumping\n"
    "  --break      break an invariant on purpose, to see the seed named\n";

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool seeds(std::string_view text, Arguments& into) {
    const auto dots = text.find("..");
    const auto first = number(text.substr(0, dots));
    const auto last = dots == text.npos ? first : number(text.substr(dots + 2));
    if (!first || !last || *first > *last) return false;
    into.first = *first;
    into.last = *last;
    return true;
}

bool faults(std::string_view text, Arguments& into) {
    into.faults.emplace();
    if (text == "none") return true;
    while (true) {
        const auto comma = text.find(',');
        const auto fault = number(text.substr(0, comma));
        if (!fault) return false;
        into.faults->push_back(*fault);
        if (comma == text.npos) return true;
        text.remove_prefix(comma + 1);
    }
}

bool flag(std::string_view name, Arguments& into) {
    if (name == "--complete")
        into.complete = true;
    else if (name == "--trace")
        into.trace = true;
    else if (name == "--break")
        into.broken = true;
    else if (name == "--walls")
        into.mode = Arguments::Mode::walls;
    else if (name == "--find-bugs")
        into.mode = Arguments::Mode::find_bugs;
    else
        return false;
    return true;
}

bool setting(std::string_view name, std::string_view value, Arguments& into) {
    if (name == "--seed" || name == "--seeds") return seeds(value, into);
    if (name == "--faults") return faults(value, into);
    if (name == "--user") {
        into.user = value;
        return true;
    }
    if (name == "--shrink") {
        into.mode = Arguments::Mode::shrink;
        return seeds(value, into);
    }
    if (name == "--bugs") {
        into.mode = Arguments::Mode::check_bug;
        into.bugs_file = value;
        return true;
    }
    if (name == "--wall") {
        into.walls = value == "jumping" ? Walls::jumping : Walls::still;
        return value == "jumping" || value == "still";
    }
    if (name == "--bug") {
        const auto bug = bug_of(value);
        into.bug = bug.value_or(Bug::none);
        return bug.has_value();
    }
    if (name == "--jobs") {
        const auto jobs = number(value);
        into.jobs = static_cast<unsigned>(jobs.value_or(0));
        return jobs.has_value();
    }
    return false;
}

}  // namespace

std::optional<Arguments> parse(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        if (flag(argv[i], arguments)) continue;
        if (i + 1 == argc || !setting(argv[i], argv[i + 1], arguments)) return std::nullopt;
        ++i;
    }
    return arguments;
}

}  // namespace presence::simulation
