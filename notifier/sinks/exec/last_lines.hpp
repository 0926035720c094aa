#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>

#include "notifier/sinks/fd.hpp"

namespace presence::notifier {

// The newest whole lines of at least `bytes_min` bytes in all (or all there were). Each is in a
// file as well once add() has returned, so that they outlive the process, kill -9 included.
class LastLines {
public:
    explicit LastLines(std::filesystem::path file) : file_(std::move(file)) {}

    // What an earlier process left; a torn last line is left out. Throws StoreError.
    void load();
    void raise_bytes_min(std::size_t bytes);
    // Each with its newline. Throws StoreError: then they may not outlive the process.
    void add(std::string_view lines);
    // Forgets this one. Throws StoreError, as add().
    void remove(const std::string& line);
    // Forgets all of them. A file that cannot be removed stays.
    void clear();

    [[nodiscard]] const std::deque<std::string>& lines() const { return lines_; }
    [[nodiscard]] std::string joined() const;
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    void take(std::string_view lines);
    void trim();
    void append(std::string_view lines);
    void rewrite();

    std::filesystem::path file_;
    Fd open_;                     // as it is on disk, if it holds what is here
    std::size_t file_bytes_ = 0;  // of it: what is here, and some before
    std::size_t bytes_min_ = 0;
    std::size_t bytes_ = 0;
    std::deque<std::string> lines_;
};

}  // namespace presence::notifier
