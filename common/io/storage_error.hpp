#pragma once

#include <stdexcept>

namespace presence::io {

// A file, a data directory or the output that cannot be read or written: one line for a person.
// Ends a program that does not catch it with kExitStorage.
struct StorageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace presence::io
