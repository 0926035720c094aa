#pragma once

#include "common/io/flags.hpp"

// Each adds its subcommand, with its flags, to `presence`.
namespace presence::cli {

void add_up(io::Flags& presence);
// First thing in main of `up`, so that a SIGHUP counts from then on.
void begin_up();
void add_beat(io::Flags& presence);
void add_watch(io::Flags& presence);
void add_get(io::Flags& presence);
void add_count(io::Flags& presence);
void add_list(io::Flags& presence);
void add_status(io::Flags& presence);
void add_bench(io::Flags& presence);
void add_dead(io::Flags& presence);
void add_sink(io::Flags& presence);
void add_check_config(io::Flags& presence);

}  // namespace presence::cli
