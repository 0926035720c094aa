#pragma once

#include <cstdint>
#include <string>

namespace presence {

// Names a connection for as long as it lives and after: descriptors are used again, cookies are
// not. The default is none that is known.
struct PeerConnection {
    std::uint64_t cookie = 0;
    int fd = -1;

    friend bool operator==(const PeerConnection&, const PeerConnection&) = default;
};

// One that is to be ended, and why: a word for logs.
struct Unwelcome {
    PeerConnection connection;
    std::string why;
};

}  // namespace presence
