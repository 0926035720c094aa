#pragma once

// Places where a test ends the process as kill -9 would: FAULT_POINT=journal.after_write:3 does at
// the third pass of that place, and says so on stderr. Compiled in only with the CMake option
// PRESENCE_FAULT_POINTS, into what links presence_fault_points.
#ifdef PRESENCE_FAULT_POINTS
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <string_view>
#endif

namespace presence::io {

#ifdef PRESENCE_FAULT_POINTS
inline void fault_point(std::string_view name) {
    struct Chosen {
        std::string name;
        std::atomic<long> passes{1};

        Chosen() {
            const char* text = ::getenv("FAULT_POINT");
            name = text ? text : "";
            const auto colon = name.find(':');
            if (colon == std::string::npos) return;
            passes = std::stol(name.substr(colon + 1));
            name.resize(colon);
        }
    };
    static Chosen chosen;
    if (name != chosen.name || --chosen.passes != 0) return;
    ::dprintf(STDERR_FILENO, "killed at %s\n", chosen.name.c_str());
    ::kill(::getpid(), SIGKILL);
}
#else
inline void fault_point(const char*) {}
#endif

}  // namespace presence::io
