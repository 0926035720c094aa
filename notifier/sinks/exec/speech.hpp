#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <thread>

#include "common/io/background_thread.hpp"
#include "common/time.hpp"
#include "notifier/sinks/fd.hpp"

namespace presence::notifier {

// What a child says on its standard error, as events of our log with its sink's name: one a line,
// `child_said`, at most kLinesMax a second, and then `child_said_more` with how many were left out.
//
// A thread of its own reads, so that the child never waits for us, whatever its sink waits for.
class Speech {
public:
    static constexpr std::size_t kLineBytesMax = 4096;  // a longer one is cut into several
    static constexpr int kLinesMax = 100;

    // `from`: our end of the pipe.
    Speech(std::string sink, Fd from);
    // Tells what has come, and reads no more: others may hold the pipe's other end for ever.
    ~Speech();
    Speech(Speech&&) = delete;

private:
    void run();
    [[nodiscard]] bool read_some();  // false: nothing there now, or that was all
    void take(std::string_view bytes);
    void tell(std::string_view line);
    void tell_left_out();

    std::string sink_;
    Fd from_;
    io::Bell stop_;
    std::string line_;  // begun
    Instant second_{};
    int told_ = 0;  // in that second
    std::uint64_t left_out_ = 0;
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace presence::notifier
