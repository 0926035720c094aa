#include "cli/trackers.hpp"

#include <algorithm>
#include <iostream>
#include <set>

#include "cli/human.hpp"
#include "common/config/endpoint.hpp"
#include "common/io/config_file.hpp"
#include "common/io/program.hpp"
#include "common/slots.hpp"

namespace presence::cli {
namespace {

std::string meaning_of(Freshness freshness) {
    if (freshness == Freshness::warming)
        return "it has not heard everyone yet; who is not online may only be unknown";
    if (freshness == Freshness::frozen)
        return "a collector is missing, so nobody is told offline until it is back or given up";
    return "what it knows may be older than it seems";
}

// Of one of an answer's `stale_by`.
std::string meaning_of(const std::string& reason) {
    if (reason == "disk")
        return "its disk cannot be written, so nobody is told anything until it can";
    if (reason == "freeze_max")
        return "evidence was missing for longer than freeze_max: users are told offline late, and "
               "perhaps wrongly";
    if (reason == "lists")
        return "some collector has gone by another list of trackers for longer than freeze_max: "
               "some users are told offline late, and perhaps wrongly";
    if (reason == "no_witness")
        return "a collector was given up that may live where other trackers hear it, and nobody is "
               "heard here who hears them all: if both are gone for good, take them out of the "
               "file";
    return reason;
}

}  // namespace

void AskFlags::add_to(io::Flags& flags) {
    flags.text("--config", "FILE", file, std::string("where the trackers are; ") + io::kConfigHelp);
    flags.text("--to", "ENDPOINT", to,
               "ask this tracker who the others are, not those of the file");
    flags.duration("--within", 1ms, 24h, within,
                   "how long to wait for each answer, and for names to be looked up (default 2s)");
}

std::string Trackers::One::name() const {
    return id.empty() ? query : "tracker " + id + " (" + query + ")";
}

std::vector<std::string> Trackers::One::meanings() const {
    if (freshness.value_or(Freshness::live) == Freshness::live) return {};
    std::vector<std::string> all;
    for (const auto& reason : stale_by)
        all.push_back(meaning_of(reason));
    if (all.empty()) all.push_back(meaning_of(*freshness));
    return all;
}

Trackers::Trackers(Asker& asker, const AskFlags& where) {
    if (where.to) {
        Endpoint parsed;
        if (const auto fault = parse_endpoint(*where.to, parsed); !fault.empty())
            throw io::UsageError("--to `" + *where.to + "`: " + fault);
        all_.push_back({{}, *where.to, {}, {}});
    } else {
        const auto file = io::config_file(where.file);
        const Config config = load_config(file, io::environment(), {});
        const auto slots = slot_map_of(config);
        for (std::size_t i = 0; i < config.trackers.size(); ++i) {
            const auto& tracker = config.trackers[i];
            all_.push_back({tracker.id, tracker.query, tracker.events, slots.slots_of(i)});
        }
        version_ = config.presence.map_version;
        hint_ = file ? "; the endpoints are those of " + *file
                     : "; is the tracker running? try `presence up`";
    }
    std::vector<std::pair<std::size_t, Query>> questions;
    for (std::size_t i = 0; i < all_.size(); ++i)
        questions.emplace_back(i, Query{MapQuery{}, {}});
    std::optional<MapAnswer> newest;
    ask<MapAnswer>(asker, questions, [&](std::size_t i, MapAnswer map) {
        all_[i].version = map.version;
        if (!newest || map.version > newest->version) newest = std::move(map);
        return std::optional<Query>();
    });
    if (newest) take_list(*newest);
}

void Trackers::take_list(const MapAnswer& newest) {
    std::vector<One> listed;
    for (const auto& tracker : newest.trackers) {
        const auto known = std::find_if(all_.begin(), all_.end(), [&](const One& one) {
            return one.id == tracker.id || (one.id.empty() && one.query == tracker.query);
        });
        One one{tracker.id, tracker.query, tracker.events, tracker.slots};
        if (known != all_.end()) {
            // Where it was reached. The others' name for it may hold on their machines only.
            one = *known;
            one.id = tracker.id;
            one.slots = tracker.slots;
            if (one.events.empty()) one.events = tracker.events;
            all_.erase(known);
        }
        listed.push_back(std::move(one));
    }
    for (auto& one : all_) {
        if (one.id.empty()) continue;  // it answered under another name: it is in the list
        one.slots.clear();
        one.listed = false;
        listed.push_back(std::move(one));
    }
    all_ = std::move(listed);
    version_ = newest.version;
}

std::optional<std::size_t> Trackers::owner_of(std::string_view user) const {
    const Slot slot = slot_of(hash_of(user));
    for (std::size_t i = 0; i < all_.size(); ++i)
        if (std::find(all_[i].slots.begin(), all_[i].slots.end(), slot) != all_[i].slots.end())
            return i;
    return {};
}

void Trackers::ask_any(Asker& asker, std::vector<std::pair<std::size_t, Query>> questions,
                       const std::function<std::optional<Query>(std::size_t, Answer)>& on_answer) {
    std::erase_if(questions, [&](const auto& question) { return !all_[question.first].answers(); });
    std::vector<Asker::Question> asked;
    for (const auto& [index, query] : questions)
        asked.push_back({all_[index].query, query});
    const auto faults = asker.ask_all(asked, [&](std::size_t i, Answer answer) {
        One& one = all_[questions[i].first];
        // The worst of its answers, and the oldest.
        if (!answer.stale_by.empty()) one.stale_by = answer.stale_by;
        if (!one.freshness || answer.freshness > *one.freshness) one.freshness = answer.freshness;
        one.as_of_ms =
            one.as_of_ms == 0 ? answer.as_of_ms : std::min(one.as_of_ms, answer.as_of_ms);
        return on_answer(questions[i].first, std::move(answer));
    });
    for (std::size_t i = 0; i < faults.size(); ++i)
        if (!faults[i].empty()) all_[questions[i].first].fault = faults[i];
}

bool Trackers::any() const {
    return std::any_of(all_.begin(), all_.end(),
                       [](const One& one) { return one.answers() && one.listed; });
}

void Trackers::require_any() const {
    if (any()) return;
    std::string silent;
    for (const auto& one : all_)
        silent += (silent.empty() ? "" : "; ") + one.name() + ": " + one.fault;
    throw NoAnswer(printable("nobody answers: " + silent + hint_));
}

bool Trackers::complete() const {
    return std::all_of(all_.begin(), all_.end(),
                       [](const One& one) { return one.answers() || !one.listed; });
}

void Trackers::tell(const std::string& consequence,
                    const std::function<bool(const One&)>& concerned) const {
    const auto say = [](const std::string& line) {
        std::cerr << "presence: " << printable(line) << "\n";
    };
    std::set<std::string> told;
    for (const auto& one : all_) {
        if (!one.listed || !concerned(one)) continue;
        for (const auto& meaning : one.meanings())
            if (one.answers() && told.insert(meaning).second)
                say("tracker " + one.id + " is " + std::string(name_of(*one.freshness)) + ": " +
                    meaning);
        if (!one.answers()) say(one.name() + ": " + one.fault + "; " + consequence);
    }
}

nlohmann::ordered_json Trackers::json() const {
    auto out = nlohmann::ordered_json::array();
    for (const auto& one : all_) {
        if (!one.listed) continue;
        nlohmann::ordered_json tracker{{"id", one.id}, {"query", one.query}};
        if (!one.answers()) {
            tracker["error"] = one.fault;
        } else if (one.freshness) {
            tracker["freshness"] = name_of(*one.freshness);
            tracker["as_of_ms"] = one.as_of_ms;
            if (!one.stale_by.empty()) tracker["stale_by"] = one.stale_by;
        }
        out.push_back(tracker);
    }
    return out;
}

std::string dump(const nlohmann::ordered_json& json) {
    return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace presence::cli
