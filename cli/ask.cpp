#include <fmt/format.h>

#include <iostream>

#include "cli/commands.hpp"
#include "cli/health.hpp"
#include "cli/human.hpp"
#include "cli/notifiers.hpp"
#include "cli/trackers.hpp"
#include "common/exit_codes.hpp"
#include "common/io/clock.hpp"

// status: how each tracker is, whom it hears, and what its timeouts wait for; how each sink is.
namespace presence::cli {
namespace {

struct Given {
    AskFlags where;
    bool json = false;
};

std::string ago(std::int64_t then_ms) {
    return for_people(length_between_ms(then_ms, millis(io::wall_now())));
}

std::string in(std::int64_t then_ms) {
    const auto left = length_between_ms(millis(io::wall_now()), then_ms);
    return left <= Duration{0} ? "a moment" : for_people(left);
}

// What the tracker has of a collector, for a person. `state`: as state_of() says it.
std::string meaning_of(const StatusAnswer::Collector& collector, std::string_view state) {
    if (collector.lag_ms < 0)
        return collector.state == "silent" ? "never heard; no longer waited for"
                                           : "never heard; waited for";
    const auto last = for_people(length_of_ms(collector.lag_ms));
    if (collector.state == "departed") return "said goodbye " + last + " ago";
    if (collector.state == "silent") return "given up; last heard " + last + " ago";
    if (state == "silent") return "waited for; its evidence is " + last + " old";
    return last + " behind";
}

// Who goes by another list of trackers than the one that answers.
std::string line_of_list(const StatusAnswer::Hold& hold) {
    const char* whose = "another list of trackers of one version";
    const char* cure = "give all one file, of a higher map_version";
    if (hold.why == "newer_list") {
        whose = "a newer list of trackers than this one";
        cure = "this tracker needs the newer file, and SIGHUP";
    } else if (hold.why == "older_list") {
        whose = "an older list of trackers than this one";
        cure = "it needs the newer file, and SIGHUP";
    }
    const auto since = ago(hold.since_ms);
    if (hold.until_ms == 0)
        return fmt::format("{}  goes by {} for {}: {}", hold.what, whose, since, cure);
    return fmt::format(
        "{}  goes by {} for {} and feeds users elsewhere: their timeouts wait, at most {} more; {}",
        hold.what, whose, since, in(hold.until_ms), cure);
}

// Named only where it is another one.
std::string machine_of(const StatusAnswer::Collector& collector) {
    const bool here = collector.address.empty() || collector.address.starts_with("127.");
    return here ? "" : ", from " + collector.address;
}

// Named only where lists differ.
std::string other_list(const StatusAnswer& answer, const StatusAnswer::Collector& collector) {
    if (collector.list.empty() || collector.list == answer.list) return {};
    return fmt::format("; its list of trackers is {}, this tracker's {}", collector.list,
                       answer.list);
}

// What timeouts wait for, in words.
std::string line_of(const StatusAnswer::Hold& hold) {
    const auto sessions = counted(hold.sessions, "session");
    const auto silence = ago(hold.since_ms);
    if (hold.what == "disk" && hold.why == "failing")
        return fmt::format("disk  {}; for {}: nobody is told anything until it can be written",
                           hold.error, silence);
    if (hold.what == "disk")
        return fmt::format("disk  too much has waited for it for {}: nobody is told anything",
                           silence);
    if (hold.what == "users_max")
        return "users_max is reached: nothing is known of users for whom there is no room";
    if (hold.what == "restart")
        return fmt::format("restart  {} ago: {} of the run before are held, at most {} more",
                           silence, sessions, in(hold.until_ms));
    const bool edge = hold.what.starts_with("edge:");
    if (edge && hold.why == "silent")
        return fmt::format("{}  silent for {}: its {} held, at most {} more", hold.what, silence,
                           sessions, in(hold.until_ms));
    if (edge)
        return fmt::format("{}  silent for {}: given up, its {} end", hold.what, silence, sessions);
    if (hold.why == "lifted")
        return fmt::format("{}  heartbeats may be lost from before {} ago: timeouts wait, {} more",
                           hold.what, silence, in(hold.until_ms));
    if (hold.why.ends_with("_list")) return line_of_list(hold);
    if (hold.why == "used_up")
        return fmt::format(
            "{}  no evidence for {}, longer than freeze_max: timeouts go on without, late by that",
            hold.what, silence);
    const auto why = hold.why == "never_heard"  ? "never heard"
                     : hold.why == "none_known" ? "none is known"
                     : hold.why == "behind"     ? "is behind"
                     : hold.why == "cut_off"    ? "is heard by another tracker, and not here"
                                                : "is silent";
    return fmt::format("{}  {}, evidence is {} old: all timeouts wait, at most {} more", hold.what,
                       why, silence, in(hold.until_ms));
}

std::string line_of(const StatusAnswer::Shared& shared) {
    if (shared.from.empty())
        return fmt::format("{} is the id of another process, too: end one, or give it its own",
                           shared.what);
    return fmt::format("{} is the id of {} processes, from {}: end one, or give it its own",
                       shared.what, shared.from.size(), fmt::join(shared.from, " and "));
}

void print(const Trackers& trackers, const Trackers::One& one, const StatusAnswer& answer) {
    const auto say = [](const std::string& line) { std::cout << printable(line) << "\n"; };
    say(fmt::format("tracker {}  {}  version {}  {}  {} of {} slots, map version {}",
                    answer.tracker, one.query, answer.version,
                    name_of(one.freshness.value_or(Freshness::live)), one.slots.size(), kSlots,
                    one.version > 0 ? one.version : trackers.version()));
    for (const auto& collector : answer.collectors) {
        const auto state = state_of(collector, answer.holds);
        say(fmt::format("  collector {}  {}  {}{}{}", collector.id, state,
                        meaning_of(collector, state), machine_of(collector),
                        other_list(answer, collector)));
    }
    for (const auto& shared : answer.shared)
        say("  " + line_of(shared));
    for (const auto& hold : answer.holds)
        say("  held by " + line_of(hold));
    for (const auto& [name, number] : answer.numbers)
        say(fmt::format("  {:<22} {}", name, number));
}

nlohmann::ordered_json json_of(const Trackers::One& one, const std::optional<StatusAnswer>& answer,
                               const std::vector<std::string>& troubles) {
    nlohmann::ordered_json out{{"id", one.id}, {"query", one.query}, {"troubles", troubles}};
    if (!answer) {
        out["error"] = one.fault;
        return out;
    }
    out["freshness"] = name_of(one.freshness.value_or(Freshness::live));
    out["as_of_ms"] = one.as_of_ms;
    if (!one.stale_by.empty()) out["stale_by"] = one.stale_by;
    out["version"] = answer->version;
    out["boot"] = answer->boot;
    out["slots"] = one.slots.size();
    out["map_version"] = one.version;
    auto& collectors = out["collectors"] = nlohmann::ordered_json::array();
    for (const auto& c : answer->collectors)
        collectors.push_back({{"id", c.id},
                              {"state", state_of(c, answer->holds)},
                              {"boot", c.boot},
                              {"lag_ms", c.lag_ms},
                              {"address", c.address}});
    auto& holds = out["holds"] = nlohmann::ordered_json::array();
    for (const auto& h : answer->holds) {
        auto& hold = holds.emplace_back(nlohmann::ordered_json{{"what", h.what},
                                                               {"why", h.why},
                                                               {"since_ms", h.since_ms},
                                                               {"until_ms", h.until_ms},
                                                               {"sessions", h.sessions}});
        if (!h.error.empty()) hold["error"] = h.error;
    }
    for (const auto& shared : answer->shared)
        out["ids_shared"].push_back({{"what", shared.what}, {"from", shared.from}});
    auto& numbers = out["numbers"] = nlohmann::ordered_json::object();
    for (const auto& [name, number] : answer->numbers)
        numbers[name] = number;
    return out;
}

std::vector<std::string> all_troubles_of(const Trackers& trackers, const Trackers::One& one,
                                         const std::optional<StatusAnswer>& answer) {
    if (!answer) return {one.fault};
    const auto freshness = one.freshness.value_or(Freshness::live);
    auto troubles = troubles_of(freshness, *answer);
    if (freshness == Freshness::frozen || freshness == Freshness::stale)
        troubles.front() += fmt::format(": {}", fmt::join(one.meanings(), "; "));
    if (!one.listed)
        troubles.push_back("stands in the file and not in the trackers' list");
    else if (one.version > 0 && one.version < trackers.version())
        troubles.push_back(fmt::format("has list {} of trackers, others have {}", one.version,
                                       trackers.version()));
    return troubles;
}

int run(const Given& given) {
    zmq::context_t context = io::make_context();
    Asker asker(context, given.where.deadline());
    Trackers trackers(asker, given.where);
    const auto& all = trackers.all();
    std::vector<std::optional<StatusAnswer>> answers(all.size());
    std::vector<std::pair<std::size_t, Query>> questions;
    for (std::size_t i = 0; i < all.size(); ++i)
        questions.emplace_back(i, Query{StatusQuery{}, {}});
    trackers.ask<StatusAnswer>(asker, questions, [&](std::size_t i, StatusAnswer answer) {
        answers[i] = std::move(answer);
        return std::optional<Query>();
    });

    std::size_t answered = 0;
    std::string summary;
    auto json = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto troubles = all_troubles_of(trackers, all[i], answers[i]);
        if (answers[i]) ++answered;
        for (const auto& trouble : troubles)
            summary += (summary.empty() ? "" : "; ") + all[i].name() + ": " + trouble;
        json.push_back(json_of(all[i], answers[i], troubles));
        if (given.json) continue;
        if (answers[i])
            print(trackers, all[i], *answers[i]);
        else
            std::cout << printable(all[i].name() + "  " + all[i].fault) << "\n";
    }
    auto sinks = nlohmann::ordered_json::array();
    for (const auto& notifier : ask_notifiers(asker, given.where)) {
        for (const auto& trouble : notifier.troubles())
            summary += (summary.empty() ? "" : "; ") + ("notifier " + notifier.id) + ": " + trouble;
        sinks.push_back(notifier.json());
        if (!given.json) notifier.print();
    }
    const char* state = answered == 0 ? "nobody answers" : summary.empty() ? "healthy" : "degraded";
    if (given.json)
        std::cout << dump({{"state", state}, {"trackers", json}, {"notifiers", sinks}}) << "\n";
    else
        std::cout << state << (summary.empty() ? "" : ": ") << printable(summary)
                  << (answered == 0 ? trackers.hint() : "") << "\n";
    return answered == 0 ? kExitNobody : summary.empty() ? 0 : kExitPartial;
}

}  // namespace

void add_status(io::Flags& presence) {
    const auto given = std::make_shared<Given>();
    auto& flags = presence.command("status", "tell how each tracker and each sink is",
                                   [given] { return run(*given); });
    given->where.add_to(flags);
    flags.toggle("--json", given->json, "one JSON object (docs/operations.md)");
    flags.epilogue(
        "\nThe last line says what is wrong. Exit codes: 0 healthy; 1 degraded: a tracker or\n"
        "collector is away, frozen, stale, or held by something, a notifier is away or a sink "
        "fails;\n2 no tracker answers. Sinks are shown of notifiers that have a `query`.");
}

}  // namespace presence::cli
