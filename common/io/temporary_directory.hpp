#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace presence::io {

// A directory of its own, gone afterwards.
struct TemporaryDirectory {
    TemporaryDirectory() {
        std::string name = std::filesystem::temp_directory_path() / "presence.XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        path = name;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;

    std::filesystem::path path;
};

}  // namespace presence::io
