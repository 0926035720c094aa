#include <string_view>

#include "cli/commands.hpp"
#include "common/io/early_log.hpp"
#include "common/io/init.hpp"
#include "common/io/program.hpp"

namespace {

constexpr const char* kEpilogue = R"(
Example:
  presence up --demo                 a pipeline on this machine, with users who come and go
  presence beat alice                alice sends one heartbeat
  presence watch                     every transition as it happens
  presence get alice                 is alice online?

Each command explains itself: presence COMMAND --help

Environment:
  PRESENCE_CONFIG: the configuration file, where --config names none
  PRESENCE_TIMEOUT, PRESENCE_LOG_LEVEL ...: settings; see `presence up --help`

Configuration file: that of --config, else $PRESENCE_CONFIG, else ./presence.toml, else
/etc/presence/presence.toml, else one of each process on this machine.

Exit codes:
  0 done             1 done in part: a tracker did not answer; see each command
  64 wrong flags     69 nobody answers, or an address cannot be bound
  70 a defect        74 a data directory cannot be used, or the output not be written
  78 wrong configuration)";

}  // namespace

int main(int argc, char** argv) {
    // The one command that is a service.
    const bool up = argc > 1 && std::string_view(argv[1]) == "up";
    if (up) presence::cli::begin_up();
    presence::io::be_no_first_process();
    return presence::io::guarded("presence", [&] {
        // What it says on stderr is a log.
        if (up) presence::io::open_log_early(argc - 1, argv + 1, "up");
        presence::io::Flags flags("presence", "Who is online: from heartbeats to transitions.");
        presence::cli::add_up(flags);
        presence::cli::add_beat(flags);
        presence::cli::add_watch(flags);
        presence::cli::add_get(flags);
        presence::cli::add_count(flags);
        presence::cli::add_list(flags);
        presence::cli::add_status(flags);
        presence::cli::add_bench(flags);
        presence::cli::add_dead(flags);
        presence::cli::add_sink(flags);
        presence::cli::add_check_config(flags);
        flags.epilogue(kEpilogue);
        return flags.run(argc, argv);
    });
}
