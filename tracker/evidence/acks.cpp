#include "tracker/evidence/acks.hpp"

#include "common/bugs.hpp"

namespace presence::tracker {

void Acks::on_frame(FailureDetector::RunId run, std::string_view peer, bool at_once) {
    auto& known = runs_[{std::string(run.collector), run.boot}];
    if (known.peer != peer) known.peer = peer;
    known.heard = true;
    known.due |= at_once;
}

void Acks::on_moved(FailureDetector::RunId run, std::uint64_t rows) {
    runs_[{std::string(run.collector), run.boot}].moved += rows;
}

void Acks::all_due() {
    for (auto& [key, run] : runs_)
        run.due = !run.peer.empty();
}

bool Acks::Run::take_due(std::uint64_t frame, std::uint64_t batch, std::uint64_t written,
                         Instant now) {
    if (frame > (waiting.empty() ? applied : waiting.back().frame)) {
        if (waiting.empty() || waiting.back().batch != batch) waiting.push_back({frame, batch});
        waiting.back().frame = frame;
    }
    if (bug(Bug::published_first)) written = batch;
    for (; !waiting.empty() && waiting.front().batch <= written; waiting.pop_front()) {
        applied = waiting.front().frame;
        due = true;
    }
    if (!due && (!heard || now - told < kHeardInterval)) return false;
    due = heard = false;
    told = now;
    return true;
}

}  // namespace presence::tracker
