#include "cli/hearing.hpp"

#include <algorithm>

namespace presence::cli {

Hearing::Hearing(std::size_t trackers, Instant now) : all_(trackers, One{now}) {}

void Hearing::on_message(std::size_t tracker, Instant now) {
    One& one = all_[tracker];
    if (one.silent && !one.back) {
        one.back = true;
        one.silence = now - one.heard;
    }
    one.heard = now;
}

std::vector<Hearing::News> Hearing::tell(Instant now) {
    std::vector<News> news;
    for (std::size_t i = 0; i < all_.size(); ++i) {
        One& one = all_[i];
        if (one.back) {
            one.back = one.silent = false;
            news.push_back({i, false, one.silence});
        } else if (!one.silent && now - one.heard >= kSilent) {
            one.silent = missed_ = true;
            news.push_back({i, true, now - one.heard});
        }
    }
    return news;
}

Instant Hearing::next_wakeup() const {
    Instant next = Instant::max();
    for (const auto& one : all_)
        if (!one.silent) next = std::min(next, one.heard + kSilent);
    return next;
}

}  // namespace presence::cli
