#pragma once

#include <map>
#include <string>
#include <utility>

#include "collector/router.hpp"
#include "common/wire/tracker_list.hpp"

namespace presence::collector {

// Tells in the log which trackers go by another list of trackers than this collector, once for each
// pair of lists (`list_differs`), and that they agree again (`list_agrees`).
class ListLog {
public:
    void turn(const Router& router);

private:
    std::map<std::string, std::pair<ListRank, ListRank>> differs_;  // by tracker: theirs and ours
};

}  // namespace presence::collector
