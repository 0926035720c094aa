#include "cli/readiness.hpp"

#include <algorithm>

#include "common/io/sockets.hpp"
#include "common/query.hpp"

namespace presence::cli {

Readiness::Readiness(zmq::context_t& context, const Config& config, std::uint64_t boot_min)
    : boot_min_(boot_min) {
    for (const auto& collector : config.collectors)
        collectors_.push_back(collector.id);
    for (const auto& t : config.trackers)
        trackers_.push_back({t.id, io::make_socket(context, io::Role::queries_out, t.query), false,
                             "no answer from tracker " + t.id, Instant{}});
}

void Readiness::turn(Instant now) {
    for (auto& tracker : trackers_) {
        if (tracker.ready) continue;
        read(tracker);
        if (tracker.ready || now < tracker.ask_at) continue;
        tracker.ask_at = now + kAskEvery;
        const std::string question = encode_query({StatusQuery{}, {}});
        // Refused only if very many questions wait already; then those will do.
        (void)tracker.socket.send(zmq::buffer(question), zmq::send_flags::dontwait);
    }
}

void Readiness::read(Tracker& tracker) {
    zmq::message_t message;
    while (tracker.socket.recv(message, zmq::recv_flags::dontwait)) {
        const auto answer = decode_answer({message.data<char>(), message.size()});
        const auto* status = answer ? std::get_if<StatusAnswer>(&answer->body) : nullptr;
        if (status == nullptr || status->boot < boot_min_) continue;
        tracker.missing.clear();
        for (const auto& id : collectors_) {
            const auto live = [&](const auto& c) {
                return c.id == id && c.boot >= boot_min_ && c.state == "live";
            };
            if (std::none_of(status->collectors.begin(), status->collectors.end(), live))
                tracker.missing = "tracker " + tracker.id + " does not hear collector " + id;
        }
        tracker.ready = tracker.missing.empty();
    }
}

bool Readiness::ready() const {
    return std::all_of(trackers_.begin(), trackers_.end(), [](const auto& t) { return t.ready; });
}

std::string Readiness::missing() const {
    std::string all;
    for (const auto& tracker : trackers_)
        if (!tracker.ready) all += (all.empty() ? "" : "; ") + tracker.missing;
    return all;
}

std::vector<void*> Readiness::sockets() {
    std::vector<void*> all;
    for (auto& tracker : trackers_)
        all.push_back(tracker.socket.handle());
    return all;
}

}  // namespace presence::cli
