#pragma once

#include "common/io/program.hpp"

namespace presence::tracker {

// The tracker process: sockets, clock and signals around a Tracker. Returns the exit code after
// SIGTERM or SIGINT. Throws what make_socket throws.
int run(const io::Program& program);

}  // namespace presence::tracker
