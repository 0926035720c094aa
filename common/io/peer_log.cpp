#include "common/io/peer_log.hpp"

#include <algorithm>
#include <utility>

#include "common/io/log.hpp"

namespace presence::io {

namespace {

constexpr Duration kTurnMax = 1s;  // a longer one is a stall of ours

}  // namespace

void PeerLog::turn(Instant now) {
    silent_ += std::min(now - turned_.value_or(now), kTurnMax);
    turned_ = now;
    const bool away = silent_ >= kAwayAfter;
    if (!away && (!ever_ || silent_ >= kTurnMax)) return;
    const auto state = away ? Told::away : Told::heard;
    const auto before = std::exchange(told_, state);
    if (before == state) return;
    log::Fields fields{{kind_, id_}, {"endpoint", endpoint_}};
    if (away) fields.emplace_back("before", ever_ ? "heard" : "never_heard");
    const bool warn = away || before == Told::away;
    (warn ? log::warn : log::info)(kind_ + (away ? "_away" : "_heard"), fields);
}

}  // namespace presence::io
