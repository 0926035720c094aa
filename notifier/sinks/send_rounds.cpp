#include "notifier/sinks/send_rounds.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace presence::notifier {

SendRounds::SendRounds(const std::vector<Event>& batch) : items_(batch.size()) {
    std::unordered_map<std::string_view, std::size_t> newest;
    newest.reserve(batch.size());
    later_.reserve(batch.size());
    for (std::size_t item = 0; item < batch.size(); ++item) {
        later_.push_back(item);
        const auto [before, first] = newest.try_emplace(batch[item].user, item);
        if (first)
            ready_.push_back(item);
        else
            later_[std::exchange(before->second, item)] = item;
    }
}

std::vector<std::size_t> SendRounds::next() {
    std::sort(ready_.begin(), ready_.end());
    return std::exchange(ready_, {});
}

void SendRounds::settle(std::size_t item, Report::Item how) {
    items_[item] = how;
    if (how != Report::Item::again && later_[item] != item) ready_.push_back(later_[item]);
}

Report SendRounds::report(std::optional<Failure> failure) && {
    return {std::move(items_), std::move(failure)};
}

}  // namespace presence::notifier
