#pragma once

#include <string>
#include <vector>

namespace presence::tracker {

struct ToPeer {
    std::string peer;  // the routing id its message came with
    std::string bytes;
};

struct Publication {
    std::string topic;
    std::string bytes;
};

// What a turn wants sent.
struct Output {
    std::vector<Publication> publications;  // first, and in this order
    std::vector<ToPeer> acks;
    std::vector<ToPeer> answers;

    void clear() {
        publications.clear();
        acks.clear();
        answers.clear();
    }
};

}  // namespace presence::tracker
