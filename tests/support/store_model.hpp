#pragma once

#include <catch2/catch.hpp>
#include <map>
#include <string>
#include <utility>

#include "common/store/store.hpp"

namespace presence::test {

// What a store must hold, as maps.
struct StoreModel {
    std::map<std::uint64_t, std::pair<std::uint64_t, std::string>> rows;  // boot, body
    std::map<std::uint32_t, std::pair<std::uint64_t, std::string>> states;
    std::string facts;

    [[nodiscard]] std::uint64_t last() const { return rows.empty() ? 0 : rows.rbegin()->first; }
    // Rows up to this one are in every state.
    [[nodiscard]] std::uint64_t needed() const {
        std::uint64_t least = states.empty() ? 0 : UINT64_MAX;
        for (const auto& [key, state] : states)
            least = std::min(least, state.first);
        return least;
    }
    void apply(const io::Store::Write& write) {
        for (const auto& row : write.rows)
            rows[row.number] = {row.boot, row.body};
        for (const auto& state : write.states) {
            states[state.key].first = state.number;
            if (state.body) states[state.key].second = *state.body;
        }
        if (write.facts) facts = *write.facts;
    }
    bool operator==(const StoreModel&) const = default;
};

// What the store hands out.
inline StoreModel read(const io::Store& store) {
    StoreModel all;
    store.each_row(0, [&](std::uint64_t number, std::uint64_t boot, std::string_view body) {
        all.rows[number] = {boot, std::string(body)};
        return true;
    });
    store.each_state([&](std::uint32_t key, std::uint64_t number, std::string_view body) {
        all.states[key] = {number, std::string(body)};
    });
    all.facts = store.facts();
    return all;
}

// The model without the rows the store no longer has; fails if one of those was needed.
inline StoreModel from_first(StoreModel model, const io::Store& store) {
    if (store.first() > 1) {
        REQUIRE(store.first() <= std::max(model.needed() + 1, model.rows.begin()->first));
        model.rows.erase(model.rows.begin(), model.rows.lower_bound(store.first()));
    }
    return model;
}

}  // namespace presence::test
