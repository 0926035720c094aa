#pragma once

#include <string>

namespace presence::io {

// Opens the log of a process before its configuration is read, so that what is wrong with its flags
// or its file is told in the chosen format, too: that of --log-format among the arguments, else of
// PRESENCE_LOG_FORMAT, else of the file as far as it can be read, else logfmt. Not for one that
// only checks or prints its configuration: a person reads what it says.
void open_log_early(int argc, const char* const* argv, const std::string& process);

}  // namespace presence::io
