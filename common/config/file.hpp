#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace presence {

// Why, for a person: "No such file or directory".
struct UnreadableFile : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// A process that starts waits for a pipe or a terminal that it was given, and reads it once. One
// that works must not wait: it reads regular files alone.
enum class FileKind : std::uint8_t { any, regular };

// Throws UnreadableFile, also if it is longer than that.
[[nodiscard]] std::string contents_of(const std::string& file, std::size_t bytes_max,
                                      FileKind kind);

}  // namespace presence
