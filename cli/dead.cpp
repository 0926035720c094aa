#include <fmt/format.h>

#include <ctime>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "common/config/config.hpp"
#include "common/config/suggest.hpp"
#include "common/io/config_file.hpp"
#include "common/io/program.hpp"
#include "common/limits.hpp"
#include "common/store/store.hpp"
#include "common/text.hpp"
#include "notifier/deliver/dead_letters.hpp"

// dead list, replay and drop: what notifiers gave up, read and written where they keep it. Whether
// they run makes no difference.
namespace presence::cli {
namespace {

using notifier::DeadLetters;
using Json = nlohmann::ordered_json;

struct Given {
    std::optional<std::string> file;
    std::optional<std::string> sink;
    std::optional<std::string> notifier;
    std::optional<std::string> user;
    bool all = false;
    bool json = false;
};

struct Place {
    SinkConfig sink;
    std::filesystem::path directory;
};

void require_known(const std::optional<std::string>& name, const std::string& kind,
                   const std::vector<std::string_view>& known) {
    if (name && std::find(known.begin(), known.end(), *name) == known.end())
        throw io::UsageError("there is no " + kind + " `" + *name + "`" +
                             did_you_mean_or_which(*name, known));
}

// Of the sinks that were asked for and may have dead letters.
std::vector<Place> places_of(const Given& given) {
    const auto config = load_config(io::config_file(given.file), io::environment(), {});
    std::vector<std::string_view> sinks;
    std::vector<std::string_view> notifiers;
    for (const auto& sink : config.sinks)
        sinks.emplace_back(sink.name);
    for (const auto& notifier : config.notifiers)
        notifiers.emplace_back(notifier.id);
    require_known(given.sink, "sink", sinks);
    require_known(given.notifier, "notifier", notifiers);

    std::vector<Place> places;
    for (const auto& sink : config.sinks) {
        if (given.sink.value_or(sink.name) != sink.name ||
            given.notifier.value_or(sink.notifier) != sink.notifier)
            continue;
        if (const auto directory = directory_of(config, sink); !directory.empty())
            places.push_back({sink, directory});
    }
    if (places.empty())
        throw io::UsageError(
            "none of these sinks has dead letters: nothing is kept for the type stdout" +
            std::string(io::config_file(given.file) ? ""
                                                    : "; which file has the sinks? --config FILE"));
    return places;
}

// Calls fn(place, letters) for each file of dead letters there is.
template <class Fn>
void each_file(const Given& given, Fn&& fn) {
    const auto places = places_of(given);
    bool any = false;
    for (const auto& place : places) {
        std::error_code error;
        any = any || std::filesystem::exists(place.directory, error);
        if (!DeadLetters::there(place.directory)) continue;
        DeadLetters letters(place.directory, place.sink.dead_max, DeadLetters::Damaged::refused);
        fn(place, letters);
    }
    if (!any)
        throw io::StoreError("there is no " + places.front().directory.string() +
                             ": no notifier ran here yet, or it ran in another directory");
}

std::string local_time(std::int64_t unix_ms) {
    const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
    std::tm local{};
    ::localtime_r(&seconds, &local);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", local.tm_year + 1900,
                       local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec);
}

// The event as far as it can be read: the line must come in any case.
Json event_of(const DeadLetters::Letter& letter) {
    auto event = Json::parse(letter.event, nullptr, false);
    return event.is_object() ? event : Json::object();
}

std::string text_of(const std::string& sink, const DeadLetters::Letter& letter) {
    const auto event = event_of(letter);
    const auto what = letter.user.empty()
                          ? "(gap of " + event.value("tracker", "?") + ")"
                          : fmt::format("{}  {}  {}", letter.user, event.value("state", "?"),
                                        event.value("reason", "?"));
    return fmt::format("{}  {}  {}  after {} attempt{}: {}{}", local_time(letter.died_ms), sink,
                       what, letter.attempts, letter.attempts == 1 ? "" : "s", letter.failure,
                       letter.wanted ? "  (to be replayed)" : "");
}

std::string json_of(const SinkConfig& sink, const DeadLetters::Letter& letter) {
    const Json line{{"sink", sink.name},         {"notifier", sink.notifier},
                    {"died_ms", letter.died_ms}, {"attempts", letter.attempts},
                    {"failure", letter.failure}, {"replay", letter.wanted},
                    {"event", event_of(letter)}};
    return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void require_user(const Given& given) {
    if (given.user && check_text(*given.user, kUserBytesMax) != TextFault::none)
        throw io::UsageError("`" + *given.user + "` is no user id: 1 to 128 bytes of UTF-8 " +
                             "without control characters");
}

int list(const Given& given) {
    require_user(given);
    std::uint64_t listed = 0;
    each_file(given, [&](const Place& place, const DeadLetters& letters) {
        letters.each(given.user, [&](const DeadLetters::Letter& letter) {
            std::cout << (given.json ? json_of(place.sink, letter)
                                     : text_of(place.sink.name, letter))
                      << "\n";
            ++listed;
        });
    });
    if (listed == 0 && !given.json) std::cerr << "presence: no dead letters\n";
    return 0;
}

int change(const Given& given, const std::string& command, const std::string& done,
           std::uint64_t (DeadLetters::*change)(const std::optional<std::string>&)) {
    if (given.user.has_value() == given.all)
        throw io::UsageError("dead " + command + ": say whose dead letters: --user ID, or --all");
    require_user(given);
    std::uint64_t changed = 0;
    each_file(given, [&](const Place& place, DeadLetters& letters) {
        const auto count = (letters.*change)(given.user);
        changed += count;
        if (count > 0)
            std::cout << fmt::format("{}: {} dead letter{} {}\n", place.sink.name, count,
                                     count == 1 ? "" : "s", done);
    });
    if (changed == 0)
        std::cout << "no dead letters" << (given.user ? " of " + *given.user : "") << "\n";
    return 0;
}

int replay(const Given& given) {
    return change(given, "replay", "to be replayed", &DeadLetters::want);
}

int drop(const Given& given) {
    return change(given, "drop", "dropped", &DeadLetters::drop);
}

io::Flags& add(io::Flags& dead, const std::string& name, const std::string& about,
               int (*body)(const Given&), const std::shared_ptr<Given>& given) {
    auto& flags = dead.command(name, about, [given, body] { return body(*given); });
    flags.text("--config", "FILE", given->file,
               std::string("the file the notifier was started with; ") + io::kConfigHelp);
    flags.text("--sink", "NAME", given->sink, "of this sink only");
    flags.text("--notifier", "ID", given->notifier, "of this notifier's sinks only");
    flags.text("--user", "ID", given->user, "of this user only");
    flags.epilogue(
        "\nRun it where the notifier runs: on its machine, in its working directory. Exit code\n"
        "74: there is no such directory, or what is there cannot be read or written.");
    return flags;
}

}  // namespace

void add_dead(io::Flags& presence) {
    auto& dead = presence.command("dead", "what sinks did not take and was given up");
    dead.epilogue(
        "\nWhat its place will never take, and what failed alone for `give_up_after`, a sink "
        "gives\n"
        "up: it is a dead letter then, until it is replayed or dropped. The notifier may run\n"
        "meanwhile.");
    const auto listing = std::make_shared<Given>();
    add(dead, "list", "tell what was given up, when, and why", list, listing)
        .toggle("--json", listing->json, "one object a line, with the whole event");
    const auto replaying = std::make_shared<Given>();
    add(dead, "replay", "have users told as they are now: at once, or at the notifier's next start",
        replay, replaying)
        .toggle("--all", replaying->all, "of all users");
    const auto dropping = std::make_shared<Given>();
    add(dead, "drop", "forget what was given up", drop, dropping)
        .toggle("--all", dropping->all, "of all users");
}

}  // namespace presence::cli
