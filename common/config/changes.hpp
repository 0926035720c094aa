#pragma once

#include <string>

#include "common/config/config.hpp"

namespace presence {

// Which settings differ, for a person: "tracker t2, sink audit mode, timeout". A table that is only
// in one of them stands for all of its settings. Empty: none.
[[nodiscard]] std::string changed_settings(const Config& before, const Config& after);

// What of `read` counts only from the next start of a process that runs with `running`: of
// [presence], its own table, and what it works with. A newer list of trackers is taken over at
// once, but not by notifiers. `kind` is "collector", "tracker" or "notifier".
[[nodiscard]] std::string waiting_changes(const Config& running, const Config& read,
                                          const std::string& kind, const std::string& id);

// Why a file that a process has read again must not be taken, for a person; empty: it may. It would
// drop the process itself, or every tracker of the list that runs (id and `ingest`): a file that
// was cut short, or another installation's.
[[nodiscard]] std::string reload_refusal(const Config& running, const Config& read,
                                         const std::string& kind, const std::string& id);

}  // namespace presence
