#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include "common/config/config.hpp"
#include "common/exit_codes.hpp"
#include "common/io/storage_error.hpp"

// What the main of every process does alike: flags, configuration, checks, exit codes.
namespace presence::io {

// A flag or argument that no configuration can make right. Exit code 64.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// What a command prints cannot be written: `errnum` tells why. Exit code 74.
struct OutputError : StorageError {
    explicit OutputError(int errnum);
};

struct Program {
    Config config;
    ProcessKind kind;
    std::string id;                  // which of the config's processes of this kind to be
    std::function<Config()> reload;  // reads file and environment again; throws ConfigError
};

// Parses --config FILE, --id ID, --check-config, --print-config, --version, --help and a flag for
// each scalar of [presence] (--timeout 10s), loads the configuration, opens the log, logs the
// effective configuration, and calls `run`. Without
// --id the only one of that kind is meant. Returns the exit code; every error is one clear line on
// stderr.
int run_program(int argc, char** argv, ProcessKind kind,
                const std::function<int(const Program&)>& run);

// Runs `body`, sees that what it printed was written, and returns its exit code, or that of what it
// throws: UsageError 64, ConfigError 78, SocketError 69, StorageError 74, anything
// else 70, told in one line on stderr that starts with `name`. SIGXFSZ is ignored from then on: a
// file as large as it may be is a full disk to who writes it. (io::spawn gives it to children.)
int guarded(const std::string& name, const std::function<int()>& body);

// `event=config_warning message=...` for each thing that was ignored.
void log_warnings(const Config& config);

// The file as it is now, after SIGHUP; logs its warnings, and `restart_needed` with what of it a
// process that runs with `running` does not take over. Throws ConfigError.
[[nodiscard]] Config reread(const Program& program, const Config& running);

[[nodiscard]] std::string version();
// PRESENCE_* of the environment, as load_config takes it.
[[nodiscard]] std::map<std::string, std::string> environment();

}  // namespace presence::io
