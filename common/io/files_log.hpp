#pragma once

#include "common/throttle.hpp"
#include "common/time.hpp"

namespace presence::io {

// Tells in the log that the process may open no more files, and so takes no new connections either
// (`event=files_used_up max=1024`), and that it may again (`event=files_free`): once each time, at
// most every kCalm. libzmq tries again by itself what it could not accept or connect, and says
// nothing.
class FilesLog {
public:
    static constexpr Duration kInterval = 1s;
    static constexpr Duration kCalm = 3s;  // so long without want, and it is over

    // Cheap in every turn.
    void turn(Instant now) {
        if (look_.take(now)) look(now);
    }

private:
    void look(Instant now);

    Throttle look_{kInterval};
    Instant wanted_{};  // the last time that there was none
    bool told_ = false;
};

}  // namespace presence::io
