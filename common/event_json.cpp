#include <nlohmann/json.hpp>

#include "common/event.hpp"

namespace presence {

std::string to_json(const Event& event) {
    nlohmann::ordered_json out;
    out["id"] = id_of(event);
    if (is_gap_notice(event)) {
        out["notice"] = event.reason;
        out["tracker"] = event.status.value_or("");
        out["at_ms"] = event.at_ms;
        return out.dump();
    }
    out["user"] = event.user;
    out["state"] = name_of(event.state);
    out["reason"] = event.reason;
    out["at_ms"] = event.at_ms;
    if (event.since_ms) out["since_ms"] = *event.since_ms;
    if (event.last_seen_ms) out["last_seen_ms"] = *event.last_seen_ms;
    if (event.status) out["status"] = *event.status;
    out["freshness"] = name_of(event.freshness);
    out["slot"] = event.slot;
    out["epoch"] = event.epoch;
    out["seq"] = event.seq;
    // Ids are checked on their way in; should other bytes come from a tracker, they must not throw.
    return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace presence
