#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace presence::io {

// Starts a program, found in PATH, never through a shell. It gets `input` as its standard input,
// `output` and `error` (or ours) as its output and error, no other descriptor, a process group of
// its own (a Ctrl-C at the terminal is for us to pass on), and no signal blocked or ignored, but
// for `blocked`: one of ours that blocks it first thing has no moment without it then. Its
// environment is ours without NOTIFY_SOCKET, which is between us and who started us, and with
// `variables` ("NAME=value"). Throws std::system_error "cannot start PROGRAM: ...". The caller
// reaps the process.
[[nodiscard]] pid_t spawn(const std::vector<std::string>& command, int input,
                          const std::vector<std::string>& variables = {},
                          int output = STDOUT_FILENO, int error = STDERR_FILENO, int blocked = 0);

// A descriptor that becomes readable when the process ends; the caller closes it. -1: not to be
// had.
[[nodiscard]] int watch_end_of(pid_t process);

}  // namespace presence::io
