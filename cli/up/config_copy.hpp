#pragma once

#include <string>

#include "common/config/config.hpp"
#include "common/io/fd.hpp"

namespace presence::cli {

// A configuration as a file that only this process and its children see, and that vanishes with
// it. What runs by it is started again by the same, whatever became of the file it was read from.
class ConfigCopy {
public:
    // Throws std::system_error.
    explicit ConfigCopy(const Config& config);
    // In one step: a reader meets the old one or the new one. Throws std::system_error.
    void replace(const Config& config);
    [[nodiscard]] std::string path() const;

private:
    io::Fd file_;
};

}  // namespace presence::cli
