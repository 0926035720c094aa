// What a store makes sure of when it is opened: that everything needed to recover is there and is
// what was written.
#include <unistd.h>

#include <algorithm>

#include "common/io/fault_point.hpp"
#include "common/store/store_impl.hpp"

namespace presence::io {

void Store::Impl::verify() {
    const auto beside = marked();
    if (beside && beside->machine_boot == kUnsound) throw StoreDamage("a write found it malformed");
    if (options_.durability == Durability::process &&
        (!beside || beside->machine_boot != machine_boot_))
        require_sound_structure("the machine was started anew, and not all had reached the disk");
    verify_states();
    verify_facts();
    if (states_.size() + (facts_ ? 1 : 0) != about_.parts) throw StoreDamage("a state is missing");
    read_tally();
    const auto found = tally.last;
    verify_rows();
    const auto written = beside ? beside->number : 0;
    if (written > found) {
        require_sound_structure("its end is missing");
        cut_after(tally.last, "its end is missing, rows " + std::to_string(found + 1) + " to " +
                                  std::to_string(written));
    }
    opened.first = tally.first;
    opened.last = tally.last;
    const bool lost_some = tally.last == about_.cut_at;
    opened.last_boot = tally.first == 0 || lost_some ? 0 : boot_of(tally.last).value_or(0);
}

void Store::Impl::verify_states() {
    auto& state = statements_->states;
    sqlite::Rows rows(state);
    while (rows.next()) {
        if (!is_sound_state(state)) throw StoreDamage("a state is damaged");
        states_[static_cast<std::uint32_t>(state.integer(0))] = {state.number(1), state.number(2)};
    }
    update_needed();
}

void Store::Impl::verify_facts() {
    sqlite::Rows rows(statements_->facts);
    facts_ = rows.next();
    if (facts_ && statements_->facts.number(0) != sum_of_facts(statements_->facts.blob(1)))
        throw StoreDamage("the facts are damaged");
}

void Store::Impl::read_tally() {
    tally = {};
    sqlite::Statement last(db_.get(),
                           "SELECT number,total,written_ms FROM journal ORDER BY number DESC "
                           "LIMIT 1");
    if (last.step()) {
        tally.last = last.number(0);
        tally.total = last.number(1);
        tally.last_ms = last.integer(2);
        read_head(tally);
        sqlite::Rows head(statements_->head);
        if (head.next()) tally.total_before = tally.first_total - statements_->head.number(3);
    }
    tally.last = std::max(tally.last, about_.cut_at);
}

// Of the rows no state holds. Those before are read only when somebody asks for them, and then
// checked, too.
void Store::Impl::verify_rows() {
    std::uint64_t sound = tally.first == 0 ? tally.last : tally.first - 1;
    if (!states_.empty()) sound = std::min(needed_, tally.last);
    const auto last = tally.last;
    std::string why = "is damaged";
    try {
        auto& row = statements_->rows;
        row.bind(1, sound);
        sqlite::Rows rows(row);
        for (; rows.next(); ++sound) {
            if (row.number(0) != sound + 1) why = "is missing";
            if (row.number(0) != sound + 1 || !is_sound_row(row)) break;
        }
    } catch (const sqlite::Error& error) {
        if (!error.damage()) throw;
        why = error.what();
    }
    std::uint64_t newest = 0;
    for (const auto& [key, state] : states_)
        newest = std::max(newest, state.number);
    if (sound < last)
        cut_after(sound, "row " + std::to_string(sound + 1) + " " + why);
    else if (newest > last)
        cut_after(last, "rows up to " + std::to_string(newest) + " are missing");
}

// States of later rows stay, as they know more, but count as those of this one: the numbers after
// it will be given to other rows.
void Store::Impl::cut_after(std::uint64_t number, const std::string& why) {
    require_sound_structure(why);
    const auto last = tally.last;
    statements_->begin.run();
    sqlite::Statement drop(db_.get(), "DELETE FROM journal WHERE number>?");
    drop.bind(1, number);
    drop.run();
    for (auto& [key, state] : states_) {
        if (state.number <= number) continue;
        state.number = number;
        move_state(key, state.number, state.body_sum);
    }
    about_.cut_at = number;
    put_about();
    fault_point("store.cut");
    statements_->commit.run();
    update_needed();
    read_tally();
    tell(file_.string() + ": " + why + "; it ends with row " + std::to_string(number) + " now" +
         (last > number ? ", " + std::to_string(last - number) + " were cut" : ""));
}

// To write into a file whose pages contradict one another would damage it further.
void Store::Impl::require_sound_structure(const std::string& why) {
    sqlite::Statement check(db_.get(), "PRAGMA quick_check(1)");
    if (!check.step() || check.blob(0) != "ok") throw StoreDamage(why);
}

std::optional<Store::Impl::Mark> Store::Impl::marked() const {
    Mark found;
    if (::pread(mark_.get(), &found, sizeof(found), 0) != sizeof(found)) return std::nullopt;
    if (found.sum != sum_of_mark(found.number, found.machine_boot)) return std::nullopt;
    return found;
}

}  // namespace presence::io
