#include "tests/simulation/disk.hpp"

#include <algorithm>

#include "common/check.hpp"

namespace presence::simulation {

void Disk::write(const tracker::Output& out, std::uint64_t boot, Time at) {
    Pending pending{std::max(at, pending_.empty() ? 0 : pending_.back().at), {}, boot};
    for (const auto& publication : out.publications)
        if (publication.batch > 0) {
            waiting_bytes_ += publication.bytes.size();
            pending.output.publications.push_back(publication);
        }
    pending.output.states = out.states;
    pending.output.facts = out.facts;
    if (!pending.output.publications.empty() || !out.states.empty() || out.facts)
        pending_.push_back(std::move(pending));
}

std::uint64_t Disk::settle(Time now) {
    for (; next() <= now; pending_.pop_front()) {
        auto& write = pending_.front();
        for (auto& row : write.output.publications) {
            PRESENCE_CHECK(rows_.empty() || row.batch == last() + 1, "a batch is missing");
            waiting_bytes_ -= row.bytes.size();
            rows_.emplace(row.batch, Row{write.boot, std::move(row.bytes)});
        }
        for (auto& state : write.output.states) {
            auto& kept = states_[state.slot];
            PRESENCE_CHECK(state.batch >= kept.first && state.batch <= last(),
                           "a state of batches that were not written");
            kept.first = state.batch;
            if (state.bytes) kept.second = *state.bytes;
        }
        if (write.output.facts) facts_ = *write.output.facts;
        trim();
    }
    return last();
}

void Disk::trim() {
    if (rows_.size() < kRowsKept + kRowsTrimmed) return;
    auto needed_after = last();
    for (const auto& [slot, state] : states_)
        needed_after = std::min(needed_after, state.first);
    while (rows_.size() > kRowsKept && rows_.begin()->first <= needed_after)
        rows_.erase(rows_.begin());
}

std::variant<ReplayAnswer, QueryError> Disk::replay(std::uint64_t boot, std::uint64_t after) const {
    const auto refused = [](const char* code) { return QueryError{code, code, {}, {}}; };
    if (rows_.empty() || after > last()) return refused("diverged");
    if (after < rows_.begin()->first) return refused("too_old");
    if (rows_.at(after).boot != boot) return refused("diverged");
    ReplayAnswer answer{0, last(), {}};
    for (auto row = rows_.upper_bound(after); row != rows_.end() && answer.rows.size() < kRowsAPage;
         ++row)
        answer.rows.push_back(row->second.bytes);
    return answer;
}

}  // namespace presence::simulation
