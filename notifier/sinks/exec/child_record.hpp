#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "notifier/sinks/fd.hpp"

namespace presence::notifier {

// Which process is our child, in a file: whoever comes after us finds it there, should we be
// killed. A process is known by its pid, its start and the machine's boot, as pids are used again.
class ChildRecord {
public:
    explicit ChildRecord(std::filesystem::path file) : file_(std::move(file)) {}

    // Throws StoreError.
    void write(pid_t child) const;

    struct Living {
        pid_t pid = -1;
        Fd process;  // readable once it has ended
    };
    // The process of the record, if it has not ended.
    [[nodiscard]] std::optional<Living> living() const;

private:
    std::filesystem::path file_;
};

}  // namespace presence::notifier
