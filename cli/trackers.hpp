#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/asker.hpp"
#include "common/config/config.hpp"
#include "common/io/flags.hpp"

namespace presence::cli {

// Where to ask, as the flags of every asking command give it.
struct AskFlags {
    std::optional<std::string> file;
    std::optional<std::string> to;  // one tracker's query endpoint
    std::optional<Duration> within;

    void add_to(io::Flags& flags);
    [[nodiscard]] Duration deadline() const { return within.value_or(2s); }
};

// All trackers of an installation, those that do not answer among them: who they are, which users
// each owns, and what each of them said.
class Trackers {
public:
    struct One {
        std::string id;  // empty: it was named by its endpoint only, and did not answer
        std::string query, events;
        std::vector<Slot> slots;
        std::uint64_t version = 0;  // of its own list of trackers; 0: it did not say
        std::optional<Freshness> freshness{};
        std::int64_t as_of_ms = 0;
        std::vector<std::string> stale_by{};  // reasons, as in an answer
        std::string fault{};                  // why it did not answer; empty: it did
        bool listed = true;  // false: it stands in the file, not in the trackers' own list

        [[nodiscard]] bool answers() const { return fault.empty(); }
        [[nodiscard]] std::string name() const;  // "tracker t1 (tcp://127.0.0.1:7412)"
        // What it means that it is not `live`; nothing if it is.
        [[nodiscard]] std::vector<std::string> meanings() const;
    };

    // Asks all of them for their list; of several lists the newest counts. Where nobody answers,
    // they are those of the file. Throws ConfigError, UsageError.
    Trackers(Asker& asker, const AskFlags& where);

    [[nodiscard]] const std::vector<One>& all() const { return all_; }
    [[nodiscard]] std::uint64_t version() const { return version_; }
    // What to do if nobody answers, to follow a message; may be empty.
    [[nodiscard]] const std::string& hint() const { return hint_; }
    // Index of the owner of a user's slot; nothing: the list names none.
    [[nodiscard]] std::optional<std::size_t> owner_of(std::string_view user) const;

    // Asks at once those of `questions` (index of a tracker, question) that answer so far.
    // `on_answer` gets the index and the body, and returns what to ask that one next, or nothing.
    template <class Body>
    void ask(Asker& asker, std::vector<std::pair<std::size_t, Query>> questions,
             const std::function<std::optional<Query>(std::size_t, Body)>& on_answer) {
        ask_any(asker, std::move(questions), [&](std::size_t index, Answer answer) {
            if (auto* body = std::get_if<Body>(&answer.body))
                return on_answer(index, std::move(*body));
            all_[index].fault = "it answered another question";
            return std::optional<Query>();
        });
    }
    // The same question to every tracker that owns users.
    template <class Body>
    void ask_owners(Asker& asker, const Query& query,
                    const std::function<std::optional<Query>(std::size_t, Body)>& on_answer) {
        std::vector<std::pair<std::size_t, Query>> questions;
        for (std::size_t i = 0; i < all_.size(); ++i)
            if (!all_[i].slots.empty()) questions.emplace_back(i, query);
        ask<Body>(asker, std::move(questions), on_answer);
    }

    // One of those that own users answered.
    [[nodiscard]] bool any() const;
    // Throws NoAnswer, which names all, unless any().
    void require_any() const;
    // All that own users answered.
    [[nodiscard]] bool complete() const;
    // On stderr, of those that are `concerned`: who did not answer, with `consequence` ("its users
    // are not counted"), and what answers mean that are not `live`.
    void tell(
        const std::string& consequence,
        const std::function<bool(const One&)>& concerned = [](const One&) { return true; }) const;
    // {"id", "query", "freshness", "as_of_ms"} or {"id", "query", "error"} of each.
    [[nodiscard]] nlohmann::ordered_json json() const;

private:
    void ask_any(Asker& asker, std::vector<std::pair<std::size_t, Query>> questions,
                 const std::function<std::optional<Query>(std::size_t, Answer)>& on_answer);
    void take_list(const MapAnswer& newest);

    std::vector<One> all_;
    std::uint64_t version_ = 0;
    std::string hint_;
};

// Text for JSON, whatever bytes it holds.
[[nodiscard]] std::string dump(const nlohmann::ordered_json& json);

}  // namespace presence::cli
