#pragma once

#include <cstddef>
#include <vector>

#include "common/wire/event.hpp"
#include "notifier/sinks/report.hpp"

namespace presence::notifier {

// Which events of a batch are under way at once at a place that may take some of them, and not
// others. They go in rounds: first the first event of each user, then, once the place has answered
// for all of those, the second of each whose first it took, and so on. So nothing of a user is
// under way while an earlier event of theirs is not confirmed, and after a failure all of the
// user's later ones come again behind it.
//
// Pure. Refers to nothing of the batch once it is made.
class SendRounds {
public:
    explicit SendRounds(const std::vector<Event>& batch);

    // The next round, in the order of the batch; none: it is over. Requires: each item of the round
    // before was settled, or is to be tried again.
    [[nodiscard]] std::vector<std::size_t> next();

    // Taken, or the place will never take it: the user's next one goes with the next round. An item
    // of which nothing is said is to be tried again, and all of its user behind it.
    void settle(std::size_t item, Report::Item how);
    // It goes with the next round once more.
    void repeat(std::size_t item) { ready_.push_back(item); }

    // How all of them fared. Requires a failure where not all were taken.
    [[nodiscard]] Report report(std::optional<Failure> failure) &&;

private:
    std::vector<std::size_t> later_;  // of the same user, by item; its own number: none
    std::vector<std::size_t> ready_;
    std::vector<Report::Item> items_;
};

}  // namespace presence::notifier
