#include "tracker/staleness.hpp"

namespace presence::tracker {

std::vector<std::string> StaleBy::names() const {
    std::vector<std::string> all;
    if (disk) all.emplace_back("disk");
    if (freeze_max) all.emplace_back("freeze_max");
    if (lists) all.emplace_back("lists");
    if (no_witness) all.emplace_back("no_witness");
    return all;
}

}  // namespace presence::tracker
