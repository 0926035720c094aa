#include <fmt/format.h>

#include <iostream>
#include <map>
#include <set>

#include "cli/commands.hpp"
#include "cli/human.hpp"
#include "cli/trackers.hpp"
#include "cli/user_id.hpp"
#include "common/exit_codes.hpp"
#include "common/io/clock.hpp"
#include "common/io/program.hpp"

// get: whether users are online, from the trackers that own them.
namespace presence::cli {
namespace {

constexpr std::size_t kUsersPerQuestionMax = 256;  // of 128 bytes: half of kQueryBytesMax

struct Given {
    AskFlags where;
    std::vector<std::string> users;
    bool json = false;
    bool exit_code = false;
};

Duration since(std::int64_t then_ms) {
    return length_between_ms(then_ms, millis(io::wall_now()));
}

std::string line_of(const UserAnswer& user) {
    if (user.state == Known::offline) return user.user + "  offline";
    if (user.state == Known::unknown) return user.user + "  unknown";
    std::string line = user.user + "  online";
    if (user.since_ms) line += "  for " + for_people(since(*user.since_ms));
    if (user.last_seen_ms) line += "  last seen " + for_people(since(*user.last_seen_ms)) + " ago";
    line += "  " + counted(user.sessions, "session");
    if (user.status) line += "  status=" + *user.status;
    if (user.leaving_ms) line += "  leaving in " + for_people(length_of_ms(*user.leaving_ms));
    if (user.held_by && user.held_until_ms)
        line += "  held: " + *user.held_by + " is silent, at most " +
                for_people(-since(*user.held_until_ms)) + " more";
    return line;
}

nlohmann::ordered_json json_of(const UserAnswer& user) {
    const char* state = user.state == Known::online    ? "online"
                        : user.state == Known::offline ? "offline"
                                                       : "unknown";
    nlohmann::ordered_json out{{"user", user.user}, {"state", state}};
    if (user.since_ms) out["since_ms"] = *user.since_ms;
    if (user.last_seen_ms) out["last_seen_ms"] = *user.last_seen_ms;
    if (user.state == Known::online) out["sessions"] = user.sessions;
    if (user.status) out["status"] = *user.status;
    if (user.held_by) out["held_by"] = *user.held_by;
    if (user.held_until_ms) out["held_until_ms"] = *user.held_until_ms;
    if (user.leaving_ms) out["leaving_ms"] = *user.leaving_ms;
    return out;
}

// Asks each owner for its users, some at a time; who is not answered for stays unknown.
std::vector<UserAnswer> ask(const Given& given, Asker& asker, Trackers& trackers) {
    std::vector<UserAnswer> users;
    std::map<std::size_t, std::vector<std::size_t>> wanted;  // tracker to indices of users
    for (std::size_t i = 0; i < given.users.size(); ++i) {
        users.emplace_back().user = given.users[i];
        if (const auto owner = trackers.owner_of(given.users[i])) wanted[*owner].push_back(i);
    }
    std::map<std::size_t, std::size_t> answered;  // tracker to how many of its users
    const auto next = [&](std::size_t tracker) {
        const auto& indices = wanted[tracker];
        const auto first = answered[tracker];
        GetQuery query;
        for (auto i = first; i < std::min(indices.size(), first + kUsersPerQuestionMax); ++i)
            query.users.push_back(given.users[indices[i]]);
        return query.users.empty() ? std::nullopt : std::optional<Query>({query, {}});
    };
    std::vector<std::pair<std::size_t, Query>> questions;
    for (const auto& [tracker, indices] : wanted)
        questions.emplace_back(tracker, *next(tracker));
    trackers.ask<GetAnswer>(asker, questions, [&](std::size_t tracker, GetAnswer answer) {
        const auto& indices = wanted[tracker];
        for (auto& user : answer.users)
            if (answered[tracker] < indices.size()) {
                const auto index = indices[answered[tracker]++];
                user.user = given.users[index];
                users[index] = std::move(user);
            }
        return answer.users.empty() ? std::nullopt : next(tracker);
    });
    return users;
}

int exit_code_of(const std::vector<UserAnswer>& users) {
    int code = 0;
    for (const auto& user : users)
        code = std::max(code, user.state == Known::online    ? 0
                              : user.state == Known::offline ? kExitOffline
                                                             : kExitUnknown);
    return code;
}

int run(const Given& given) {
    for (const auto& user : given.users)
        require_user_id(user);
    zmq::context_t context = io::make_context();
    Asker asker(context, given.where.deadline());
    Trackers trackers(asker, given.where);
    const bool any = trackers.any();
    if (!given.json) trackers.require_any();
    const auto users = ask(given, asker, trackers);
    // Trackers that own none of these users are of no concern.
    std::set<const Trackers::One*> owners;
    bool complete = true;
    for (const auto& user : given.users) {
        const auto owner = trackers.owner_of(user);
        complete = complete && owner && trackers.all()[*owner].answers();
        if (owner) owners.insert(&trackers.all()[*owner]);
    }
    if (given.json) {
        auto list = nlohmann::ordered_json::array();
        for (const auto& user : users)
            list.push_back(json_of(user));
        std::cout << dump({{"users", list}, {"complete", complete}, {"trackers", trackers.json()}})
                  << "\n";
    } else {
        for (const auto& user : users)
            std::cout << printable(line_of(user)) << "\n";
    }
    std::cout.flush();
    if (!any) trackers.require_any();
    const bool some_unknown = std::any_of(users.begin(), users.end(), [](const UserAnswer& user) {
        return user.state == Known::unknown;
    });
    // What a tracker that starts does not know, it does not tell; of others that may be wrong.
    trackers.tell("its users are unknown", [&](const Trackers::One& one) {
        const auto freshness = one.freshness.value_or(Freshness::live);
        return owners.contains(&one) &&
               (some_unknown || freshness == Freshness::frozen || freshness == Freshness::stale);
    });
    if (given.exit_code) return exit_code_of(users);
    return complete ? 0 : kExitPartial;
}

}  // namespace

void add_get(io::Flags& presence) {
    const auto given = std::make_shared<Given>();
    auto& flags = presence.command("get", "tell whether users are online, in the order asked",
                                   [given] { return run(*given); });
    given->where.add_to(flags);
    flags.toggle("--json", given->json, "one JSON object (docs/operations.md)");
    flags.toggle("--exit-code", given->exit_code,
                 "0: all online, 1: some offline, 3: some unknown");
    flags.words("ID", 1, 10'000, given->users, "user ids; after -- if one starts with -");
    flags.epilogue(
        "\nunknown: who is missing may be online, as their tracker does not answer, or does not\n"
        "hear every collector.\n\n"
        "Exit codes: 1 some tracker did not answer, its users are unknown; 69 nobody answered.\n"
        "With --exit-code: 3 somebody is unknown; 1 somebody is offline; 0 all are online.");
}

}  // namespace presence::cli
