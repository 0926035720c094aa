#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace presence::cli {

struct BenchProcess {
    std::string name;
    pid_t pid = 0;
};

// CPU seconds, user and system, and resident bytes so far, from /proc; zeros if it is gone.
struct ProcessUse {
    double cpu_seconds = 0;
    double resident_bytes = 0;
};
[[nodiscard]] ProcessUse use_of(const BenchProcess& process);

// From "t1=123,c1=124". Throws std::runtime_error.
[[nodiscard]] std::vector<BenchProcess> parse_processes(const std::string& text);

// TCP endpoints on loopback that were free a moment ago.
[[nodiscard]] std::vector<std::string> free_endpoints(std::size_t count);

}  // namespace presence::cli
