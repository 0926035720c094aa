#pragma once

#include <filesystem>
#include <string>

#include "common/io/fd.hpp"

// Data tells who was online when: it is for the user who runs the processes, and nobody else, so
// its files are 0600 and its directories 0700, whatever the umask.
namespace presence::io {

// Makes what is missing of the path. A directory that is there stays as it is. Returns 0 or the
// errno of the failure.
[[nodiscard]] int make_private_directories(const std::filesystem::path& path);

// Opens or makes a file, with `flags` of open(2); one that others could read is closed to them. On
// failure the descriptor is empty, and errno says why.
[[nodiscard]] Fd open_private(const std::filesystem::path& file, int flags);

// The same for a database that is opened by name: no descriptor is opened of one that is there, as
// closing it would drop the locks that this process holds on the file.
void keep_private(const std::filesystem::path& file);

// That anybody on this machine can get at the file, or at what is in the directory: its own mode
// and those of all directories above it let them.
[[nodiscard]] bool open_to_others(const std::filesystem::path& path);

// `event=data_open_to_others`, if that is so.
void warn_if_open_to_others(const std::filesystem::path& directory);

// "0644".
[[nodiscard]] std::string mode_of(const std::filesystem::path& path);

}  // namespace presence::io
