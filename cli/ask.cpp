#include <fmt/format.h>

#include <ctime>
#include <iostream>
#include <map>

#include "cli/asker.hpp"
#include "cli/commands.hpp"
#include "common/io/clock.hpp"
#include "common/io/program.hpp"
#include "common/limits.hpp"
#include "common/text.hpp"

// get, count, list and status: questions to the trackers that own the answer.
namespace presence::cli {
namespace {

constexpr std::size_t kUsersPerQuestionMax = 256;  // of 128 bytes: half of kQueryBytesMax

struct Ask {
    AskFlags where;
    std::vector<std::string> users;

    [[nodiscard]] int run(int (*body)(const Ask&, Asker&, const MapAnswer&)) const {
        zmq::context_t context = io::make_context();
        Asker asker(context, where.deadline());
        const MapAnswer map = asker.map(where.endpoints());
        return body(*this, asker, map);
    }
};

template <class Body>
Body expect(Answer answer, const std::string& tracker) {
    tell_freshness(answer, tracker);
    if (auto* body = std::get_if<Body>(&answer.body)) return std::move(*body);
    throw NoAnswer("tracker " + tracker + " answered another question");
}

std::string ago(std::int64_t then_ms) {
    const auto ms = std::max<std::int64_t>(0, millis(io::wall_now()) - then_ms);
    return format_duration(std::chrono::milliseconds(ms < 10'000 ? ms : ms / 1000 * 1000));
}

std::string in(std::int64_t then_ms) {
    const auto ms = then_ms - millis(io::wall_now());
    return ms <= 0
               ? "any moment"
               : format_duration(std::chrono::milliseconds(ms < 10'000 ? ms : ms / 1000 * 1000));
}

std::string line_of(const UserAnswer& user) {
    if (user.state == Known::offline) return user.user + "  offline";
    if (user.state == Known::unknown) return user.user + "  unknown";
    std::string line = user.user + "  online";
    if (user.since_ms) line += "  for " + ago(*user.since_ms);
    if (user.last_seen_ms) line += "  last seen " + ago(*user.last_seen_ms) + " ago";
    line += fmt::format("  {} session{}", user.sessions, user.sessions == 1 ? "" : "s");
    if (user.status) line += "  status=" + *user.status;
    if (user.held_by && user.held_until_ms)
        line += "  held: " + *user.held_by + " is silent, at most " + in(*user.held_until_ms);
    return line;
}

int get(const Ask& given, Asker& asker, const MapAnswer& map) {
    std::map<Slot, std::size_t> owner;
    for (std::size_t t = 0; t < map.trackers.size(); ++t)
        for (const Slot slot : map.trackers[t].slots)
            owner[slot] = t;
    std::map<std::size_t, std::vector<std::size_t>> wanted;  // tracker to indices of users
    for (std::size_t i = 0; i < given.users.size(); ++i) {
        if (check_text(given.users[i], kUserBytesMax) != TextFault::none)
            throw io::UsageError("`" + given.users[i] + "` is no user id: 1 to 128 bytes of " +
                                 "UTF-8 without control characters");
        const auto found = owner.find(slot_of(hash_of(given.users[i])));
        if (found == owner.end()) throw NoAnswer("no tracker owns `" + given.users[i] + "`");
        wanted[found->second].push_back(i);
    }
    std::vector<std::string> lines(given.users.size());
    for (const auto& [t, indices] : wanted) {
        const auto& tracker = map.trackers[t];
        for (std::size_t first = 0; first < indices.size(); first += kUsersPerQuestionMax) {
            const std::size_t end = std::min(indices.size(), first + kUsersPerQuestionMax);
            GetQuery query;
            for (std::size_t i = first; i < end; ++i)
                query.users.push_back(given.users[indices[i]]);
            const auto answer =
                expect<GetAnswer>(asker.ask(tracker.query, {query, {}}), tracker.id);
            if (answer.users.size() != query.users.size())
                throw NoAnswer("tracker " + tracker.id + " answered for other users");
            for (std::size_t i = first; i < end; ++i)
                lines[indices[i]] = line_of(answer.users[i - first]);
        }
    }
    for (const auto& line : lines)
        std::cout << line << "\n";
    return 0;
}

int count(const Ask&, Asker& asker, const MapAnswer& map) {
    CountAnswer sum;
    for (const auto& tracker : map.trackers) {
        const auto answer =
            expect<CountAnswer>(asker.ask(tracker.query, {CountQuery{}, {}}), tracker.id);
        sum.online += answer.online;
        sum.sessions += answer.sessions;
    }
    std::cout << "online " << sum.online << "\nsessions " << sum.sessions << "\n";
    return 0;
}

int list(const Ask&, Asker& asker, const MapAnswer& map) {
    for (const auto& tracker : map.trackers) {
        std::string cursor;
        do {
            const auto answer =
                expect<ListAnswer>(asker.ask(tracker.query, {ListQuery{cursor}, {}}), tracker.id);
            for (const auto& user : answer.users)
                std::cout << user << "\n";
            cursor = answer.cursor;
        } while (!cursor.empty());
    }
    return 0;
}

// What the tracker has of a collector, for a person.
std::string meaning_of(const StatusAnswer::Collector& collector) {
    if (collector.lag_ms < 0)
        return collector.state == "silent" ? "never heard; no longer waited for"
                                           : "never heard; waited for";
    const auto last = format_duration(std::chrono::milliseconds(collector.lag_ms));
    if (collector.state == "departed") return "said goodbye " + last + " ago";
    if (collector.state == "silent") return "given up; last heard " + last + " ago";
    return fmt::format("{} ms behind", collector.lag_ms);
}

// What timeouts wait for, in words.
std::string line_of(const StatusAnswer::Hold& hold) {
    const auto sessions = fmt::format("{} session{}", hold.sessions, hold.sessions == 1 ? "" : "s");
    const auto silence = ago(hold.since_ms);
    if (hold.what == "disk" && hold.why == "failing")
        return fmt::format("disk  {}; for {}: nobody is told anything until it can be written",
                           hold.error, silence);
    if (hold.what == "disk")
        return fmt::format("disk  too much has waited for it for {}: nobody is told anything",
                           silence);
    if (hold.what == "restart")
        return fmt::format("restart  {} ago: {} of the run before are held, at most {} more",
                           silence, sessions, in(hold.until_ms));
    const bool edge = hold.what.starts_with("edge:");
    if (edge && hold.why == "silent")
        return fmt::format("{}  silent for {}: its {} held, at most {} more", hold.what, silence,
                           sessions, in(hold.until_ms));
    if (edge && hold.why == "lost")
        return fmt::format("{}  silent for {}: given up, its {} end", hold.what, silence, sessions);
    if (edge)
        return fmt::format("{}  silent for {}, too often within the hour: its {} end on time",
                           hold.what, silence, sessions);
    if (hold.why == "lifted")
        return fmt::format("{}  heartbeats may be lost from before {} ago: timeouts wait, {} more",
                           hold.what, silence, in(hold.until_ms));
    if (hold.why == "lift_refused")
        return fmt::format(
            "{}  heartbeats may be lost from before {} ago, too often within the "
            "hour: timeouts go on",
            hold.what, silence);
    if (hold.why == "used_up")
        return fmt::format("{}  no evidence for {}, freeze_max is used up: timeouts go on without",
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

int status(const Ask&, Asker& asker, const MapAnswer& map) {
    for (const auto& tracker : map.trackers) {
        Answer whole = asker.ask(tracker.query, {StatusQuery{}, {}});
        const Freshness freshness = whole.freshness;
        const auto answer = expect<StatusAnswer>(std::move(whole), tracker.id);
        std::cout << fmt::format("tracker {}  {}  version {}  {}  {} of {} slots, map version {}\n",
                                 answer.tracker, tracker.query, answer.version, name_of(freshness),
                                 tracker.slots.size(), kSlots, map.version);
        for (const auto& collector : answer.collectors)
            std::cout << fmt::format("  collector {}  {}  {}\n", collector.id, collector.state,
                                     meaning_of(collector));
        for (const auto& shared : answer.shared)
            std::cout << "  " << line_of(shared) << "\n";
        for (const auto& hold : answer.holds)
            std::cout << "  held by " << line_of(hold) << "\n";
        for (const auto& [name, number] : answer.numbers)
            std::cout << fmt::format("  {:<22} {}\n", name, number);
    }
    return 0;
}

void add(io::Flags& presence, const std::string& name, const std::string& about,
         int (*body)(const Ask&, Asker&, const MapAnswer&), bool users = false) {
    const auto given = std::make_shared<Ask>();
    auto& flags = presence.command(name, about, [given, body] { return given->run(body); });
    given->where.add_to(flags);
    if (users)
        flags.words("ID", 1, 10'000, given->users, "user ids; after -- if one starts with -");
    flags.epilogue(
        (users
             ? std::string("\nunknown: who is missing may be online, as the tracker does not hear "
                           "every collector.")
             : std::string()) +
        "\nExit code 69: nobody answered.");
}

}  // namespace

void add_get(io::Flags& presence) {
    add(presence, "get", "tell whether users are online, in the order asked", get, true);
}
void add_count(io::Flags& presence) {
    add(presence, "count", "count who is online", count);
}
void add_list(io::Flags& presence) {
    add(presence, "list", "list the ids of all who are online, one a line", list);
}
void add_status(io::Flags& presence) {
    add(presence, "status", "tell how each tracker is", status);
}

}  // namespace presence::cli
