#include <iostream>

#include "cli/commands.hpp"
#include "cli/trackers.hpp"
#include "common/exit_codes.hpp"

// count and list: of every tracker, as each tells of its own users.
namespace presence::cli {
namespace {

struct Given {
    AskFlags where;
    bool json = false;
};

int count(const Given& given, Asker& asker, Trackers& trackers) {
    CountAnswer sum;
    trackers.ask_owners<CountAnswer>(asker, {CountQuery{}, {}},
                                     [&](std::size_t, CountAnswer answer) {
                                         sum.online += answer.online;
                                         sum.sessions += answer.sessions;
                                         return std::optional<Query>();
                                     });
    if (!given.json) trackers.require_any();
    const bool complete = trackers.complete();
    if (given.json)
        std::cout << dump({{"online", sum.online},
                           {"sessions", sum.sessions},
                           {"complete", complete},
                           {"trackers", trackers.json()}})
                  << "\n";
    else
        std::cout << "online " << sum.online << "\nsessions " << sum.sessions << "\n";
    std::cout.flush();
    trackers.require_any();
    trackers.tell("its users are not counted");
    return complete ? 0 : kExitPartial;
}

// Page by page as they come: there may be millions.
int list(const Given& given, Asker& asker, Trackers& trackers) {
    const bool any = trackers.any();
    if (!given.json) trackers.require_any();
    bool first = true;
    if (given.json) std::cout << "{\"users\":[";
    trackers.ask_owners<ListAnswer>(asker, {ListQuery{}, {}},
                                    [&](std::size_t, ListAnswer answer) -> std::optional<Query> {
                                        for (const auto& user : answer.users) {
                                            if (given.json)
                                                std::cout << (first ? "" : ",") << dump(user);
                                            else
                                                std::cout << user << "\n";
                                            first = false;
                                        }
                                        std::cout.flush();
                                        if (answer.cursor.empty()) return {};
                                        return Query{ListQuery{answer.cursor}, {}};
                                    });
    const bool complete = trackers.complete();
    if (given.json)
        std::cout << "],\"complete\":" << (complete ? "true" : "false")
                  << ",\"trackers\":" << dump(trackers.json()) << "}\n";
    std::cout.flush();
    if (!any) trackers.require_any();
    trackers.tell("not all of its users are listed");
    return complete ? 0 : kExitPartial;
}

void add(io::Flags& presence, const std::string& name, const std::string& about,
         int (*body)(const Given&, Asker&, Trackers&)) {
    const auto given = std::make_shared<Given>();
    auto& flags = presence.command(name, about, [given, body] {
        zmq::context_t context = io::make_context();
        Asker asker(context, given->where.deadline());
        Trackers trackers(asker, given->where);
        return body(*given, asker, trackers);
    });
    given->where.add_to(flags);
    flags.toggle("--json", given->json, "one JSON object (docs/operations.md)");
    flags.epilogue(
        "\nExit codes: 1 some tracker did not answer, its users are missing; 69 nobody answered.");
}

}  // namespace

void add_count(io::Flags& presence) {
    add(presence, "count", "count who is online", count);
}
void add_list(io::Flags& presence) {
    add(presence, "list", "list the ids of all who are online, one a line", list);
}

}  // namespace presence::cli
