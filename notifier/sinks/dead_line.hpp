#pragma once

#include <string>

namespace presence::notifier {

// An event that is given up, as the sink would have got it.
struct DeadLine {
    std::string id;
    std::string user;  // empty: a notice
    std::string json;  // without a newline
};

}  // namespace presence::notifier
