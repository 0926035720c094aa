// Ids that more than one process has.
#include "common/wire/msgpack_writer.hpp"
#include "tracker/tracker_impl.hpp"

namespace presence::tracker {

// By its own topic, each second.
void Tracker::Impl::tell_notifiers(Instant now, std::vector<Publication>& out) {
    notifier_ids.turn(now);
    notifier_ids.each_shared([&](const auto&, const auto& from, const auto& topics) {
        MsgpackWriter writer;
        writer.array(from.size());
        for (const auto& address : from)
            writer.text(address);
        const auto bytes = writer.take();
        for (const auto& topic : topics)
            out.push_back({topic, bytes, 0});
    });
}

std::vector<StatusAnswer::Shared> Tracker::ids_shared(Instant now) const {
    return impl_->ids_shared(now);
}

std::vector<StatusAnswer::Shared> Tracker::Impl::ids_shared(Instant now) const {
    std::vector<StatusAnswer::Shared> all;
    if (failure_detector.other_tracker(now)) all.push_back({"tracker:" + options.tracker, {}});
    notifier_ids.each_shared([&](const auto& id, const auto& from, const auto&) {
        all.push_back({"notifier:" + id, from});
    });
    return all;
}

}  // namespace presence::tracker
