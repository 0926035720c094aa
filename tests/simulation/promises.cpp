#include "tests/simulation/promises.hpp"

#include <algorithm>

#include "tests/simulation/edge.hpp"
#include "tests/simulation/tolerances.hpp"

namespace presence::simulation {
namespace {

int kind_of(bool bye, bool status) {
    return bye ? 2 : status ? 1 : 0;
}

}  // namespace

FramePromises::Key FramePromises::key_of(const Beat& beat) {
    return {user_name(beat.user), beat.session, beat.edge,
            kind_of(beat.bye, beat.status.has_value())};
}

void FramePromises::arrived(const Beat& beat, Time now) {
    waiting_[key_of(beat)].push_back({now, kNever});
}

void FramePromises::read(const Beat& beat, Time arrived, Time sent, Time now) {
    const auto found = waiting_.find(key_of(beat));
    if (found == waiting_.end()) return;
    auto& all = found->second;
    const auto it = std::find_if(all.begin(), all.end(), [&](const Waiting& waiting) {
        return waiting.arrived == arrived && waiting.said == kNever;
    });
    if (it == all.end()) return;
    it->said = sent - beat.age;
    if (!beat.bye && now - sent + beat.age + tolerances::kTooOld > beat.ttl) all.erase(it);
}

std::string FramePromises::sent(const Frame& frame, const MachineClock& clock) {
    for (RowReader rows(frame.row_groups); rows.next();) {
        const auto& row = rows.row();
        const Time read = clock.truth(micros(rows.read()));
        const auto found =
            waiting_.find({std::string(row.user), std::string(row.session), std::string(row.edge),
                           kind_of(row.bye, row.status.has_value())});
        if (found == waiting_.end()) continue;
        const Time said = read - Time{row.age_ms} * kMillisecond;
        std::erase_if(found->second, [&](const Waiting& waiting) {
            return waiting.said != kNever && (waiting.arrived <= read + tolerances::kRounding ||
                                              waiting.said <= said + tolerances::kNewerOfTwo);
        });
        if (found->second.empty()) waiting_.erase(found);
    }
    if (frame.header.dropped > losses_) {
        losses_ = frame.header.dropped;
        waiting_.clear();
        return {};
    }
    const Time watermark = clock.truth(micros(frame.header.watermark));
    for (const auto& [key, all] : waiting_)
        for (const auto& waiting : all)
            if (waiting.arrived + tolerances::kRounding < watermark)
                return "frame " + std::to_string(frame.header.number) + " promises all until " +
                       std::to_string(watermark) + " us, but what " + std::get<0>(key) +
                       " sent (session " + std::get<2>(key) + "/" + std::get<1>(key) +
                       (std::get<3>(key) == 2 ? ", bye" : "") + ") and came at " +
                       std::to_string(waiting.arrived) + " us was not in any";
    return {};
}

}  // namespace presence::simulation
