#pragma once

#include <filesystem>

namespace presence::notifier {

// The file in a sink's directory by which an operator wants its place refilled. It is there until
// that is done.
[[nodiscard]] inline std::filesystem::path wish_for_refill(const std::filesystem::path& directory) {
    return directory / "refill";
}

}  // namespace presence::notifier
