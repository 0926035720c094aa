#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/io/fd.hpp"

namespace presence::io::log {

// Lines to a file descriptor whose reader may be slow or stand still: a full pipe, a terminal after
// Ctrl-S, a journal that hangs. Writing never waits. A line that finds no room is dropped and
// counted. Once there is room again, one line says how many were dropped.
//
// The flags of the descriptor are left alone: shells, parents and siblings share them.
class LogOutput {
public:
    // `tell_dropped` makes the line that says how many were dropped.
    using TellDropped = std::function<std::string(std::uint64_t lines)>;
    LogOutput(int fd, TellDropped tell_dropped);

    // `line` ends with a newline.
    void write(std::string_view line);

private:
    enum class Way { as_it_is, socket, own, polled };

    void look();
    // How many bytes went; less than all: there is no room, or nobody reads any more.
    [[nodiscard]] std::size_t put(std::string_view bytes) const;
    [[nodiscard]] ssize_t put_some(std::string_view bytes) const;
    // False: nothing went, and `line` is left to the caller.
    bool begin(std::string_view line);

    int fd_;
    TellDropped tell_dropped_;
    Way way_ = Way::as_it_is;
    Fd own_;  // the same file, opened anew, so that it has flags of its own
    dev_t device_ = 0;
    ino_t inode_ = 0;   // of the file that was looked at
    std::string rest_;  // of a line that found room for its beginning only
    std::uint64_t dropped_ = 0;
};

}  // namespace presence::io::log
