#include "collector/list_log.hpp"

#include "common/io/log.hpp"

namespace presence::collector {

namespace log = io::log;

void ListLog::turn(const Router& router) {
    const auto& ids = router.map().trackers;
    const auto& ours = router.rank();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto its = router.list_of(i);
        if (!its || its->hash == 0) continue;  // of an older release
        const auto told = differs_.find(ids[i]);
        if (*its == ours) {
            if (told == differs_.end()) continue;
            differs_.erase(told);
            log::warn("list_agrees", {{"tracker", ids[i]}, {"list", text_of(ours)}});
            continue;
        }
        const std::pair now{*its, ours};
        if (told != differs_.end() && told->second == now) continue;
        differs_[ids[i]] = now;
        log::warn("list_differs",
                  {{"tracker", ids[i]},
                   {"its_list", text_of(*its)},
                   {"our_list", text_of(ours)},
                   {"older", its->version == ours.version ? "neither: two lists of one version"
                             : *its < ours                ? "its"
                                                          : "ours"}});
    }
}

}  // namespace presence::collector
