#pragma once

namespace presence::io {

// The first process of a container (PID 1) has duties that are none of ours: it inherits every
// process whose parent ends, and has to reap it, and no signal ends it that it does not handle. So
// where we are that process, this makes another one of us, which is the program from here on, and
// stays behind as the first: it hands on signals, reaps whatever is left to it, and ends as the
// program ends, with 128 + N after signal N. The program's own children are not among them.
//
// Elsewhere it does nothing. Requires: the first thing in main(), while there is one thread.
void be_no_first_process();

}  // namespace presence::io
