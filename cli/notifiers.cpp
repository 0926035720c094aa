#include "cli/notifiers.hpp"

#include <fmt/format.h>

#include <iostream>

#include "cli/human.hpp"
#include "cli/sinks.hpp"
#include "common/io/clock.hpp"
#include "common/io/config_file.hpp"
#include "common/io/program.hpp"

namespace presence::cli {

std::vector<Notifier> ask_notifiers(Asker& asker, const AskFlags& where) {
    if (where.to) return {};
    const auto file = io::config_file(where.file);
    const auto config = load_config(file, io::environment(), {});
    std::vector<Notifier> all;
    std::vector<Asker::Question> questions;
    for (const auto& notifier : config.notifiers) {
        if (notifier.query.empty()) continue;
        all.push_back({notifier.id, notifier.query, {}, {}});
        questions.push_back({notifier.query, Query{StatusQuery{}, {}}});
    }
    const auto faults = asker.ask_all(questions, [&](std::size_t i, Answer answer) {
        if (auto* const sinks = std::get_if<SinksAnswer>(&answer.body))
            all[i].answer = std::move(*sinks);
        else
            all[i].fault = "it answered another question";
        return std::optional<Query>();
    });
    for (std::size_t i = 0; i < all.size(); ++i)
        if (!faults[i].empty()) all[i].fault = faults[i];
    if (!file) std::erase_if(all, [](const auto& one) { return !one.answer; });
    return all;
}

std::vector<std::string> Notifier::troubles() const {
    if (!answer) return {fault};
    std::vector<std::string> all;
    for (const auto& sink : answer->sinks)
        if (auto trouble = trouble_of(sink); !trouble.empty()) all.push_back(std::move(trouble));
    return all;
}

void Notifier::print() const {
    const auto say = [](const std::string& line) { std::cout << printable(line) << "\n"; };
    if (!answer) return say(fmt::format("notifier {} ({})  {}", id, query, fault));
    say(fmt::format("notifier {}  {}  version {}", answer->notifier, query, answer->version));
    for (const auto& sink : answer->sinks)
        say(fmt::format("  sink {}  {}  {}", sink.name, sink.type,
                        health_of(sink, millis(io::wall_now()))));
}

nlohmann::ordered_json Notifier::json() const {
    nlohmann::ordered_json out{{"id", id}, {"query", query}, {"troubles", troubles()}};
    if (!answer) {
        out["error"] = fault;
        return out;
    }
    out["version"] = answer->version;
    out["boot"] = answer->boot;
    auto& sinks = out["sinks"] = nlohmann::ordered_json::array();
    for (const auto& s : answer->sinks) {
        nlohmann::ordered_json sink{{"name", s.name}, {"type", s.type}, {"state", s.state}};
        if (!s.reason.empty()) sink["reason"] = s.reason;
        if (s.since_ms != 0) sink["since_ms"] = s.since_ms;
        sink["told_until_ms"] = s.told_until_ms;
        auto& numbers = sink["numbers"] = nlohmann::ordered_json::object();
        for (const auto& [name, number] : s.numbers)
            numbers[name] = number;
        sinks.push_back(std::move(sink));
    }
    return out;
}

}  // namespace presence::cli
