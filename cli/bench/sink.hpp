#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

namespace presence::cli {

// Counts the lines of a file that grows.
class BenchSink {
public:
    explicit BenchSink(std::filesystem::path path) : path_(std::move(path)) {}

    // Reads what came since the last call.
    [[nodiscard]] std::uint64_t lines();

private:
    std::filesystem::path path_;
    std::ifstream in_;
    std::uint64_t lines_ = 0;
};

}  // namespace presence::cli
