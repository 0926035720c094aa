#pragma once

#include "common/io/program.hpp"

namespace presence::collector {

// The collector process: sockets, clock and signals around a Router. Returns the exit code after
// SIGTERM or SIGINT. Throws what make_socket throws.
int run(const io::Program& program);

}  // namespace presence::collector
