#pragma once

// A broken invariant ends the process with a message, in release builds too: going on with a
// state nobody understands is how a presence system starts to lie.
namespace presence::detail {
// Who tells it, in a process with a log; else it is a line on stderr. Set while there is one
// thread.
extern void (*tell_broken)(const char* condition, const char* message, const char* file, int line);
[[noreturn]] void check_failed(const char* condition, const char* message, const char* file,
                               int line);
}  // namespace presence::detail

#define PRESENCE_CHECK(condition, message)                                             \
    do {                                                                               \
        if (!(condition)) [[unlikely]]                                                 \
            ::presence::detail::check_failed(#condition, message, __FILE__, __LINE__); \
    } while (false)
