#pragma once

#include <string>

#include "common/config/config.hpp"

namespace presence {

// Which settings differ, for a person: "tracker t2, sink audit mode, timeout". A table that is only
// in one of them stands for all of its settings. Empty: none.
[[nodiscard]] std::string changed_settings(const Config& before, const Config& after);

// What of `read` counts only from the next start of a process that runs with `running`: of
// [presence], its own table, and what it works with. Sinks and log_level are taken over at once; so
// is a newer list of trackers, but not by notifiers.
[[nodiscard]] std::string waiting_changes(const Config& running, const Config& read,
                                          ProcessKind kind, const std::string& id);

// They say the same.
[[nodiscard]] bool same_settings(const SinkConfig& one, const SinkConfig& other);

// Why `read` looks like a part of a file, for a person; empty: it does not. Tables of some kind are
// gone from it altogether, and would be there by default.
[[nodiscard]] std::string cut_short(const Config& running, const Config& read);

// Why a file that a process has read again must not be taken, for a person; empty: it may. It would
// drop all tables of a kind, the process itself, or every tracker of the list that runs (id and
// `ingest`): a file that was cut short, or another installation's.
[[nodiscard]] std::string reload_refusal(const Config& running, const Config& read,
                                         ProcessKind kind, const std::string& id);

}  // namespace presence
