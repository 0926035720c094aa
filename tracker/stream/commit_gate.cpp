#include "tracker/stream/commit_gate.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/bugs.hpp"
#include "common/wire/batch.hpp"

namespace presence::tracker {

namespace {

template <class T>
void append(std::vector<T>& from, std::vector<T>& to) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
}

void release(Output& held, Output& ready) {
    append(held.publications, ready.publications);
    append(held.snapshots, ready.snapshots);
}

std::size_t bytes_of(const Output& output) {
    std::size_t bytes = 0;
    for (const auto& p : output.publications)
        bytes += sizeof(p) + p.topic.size() + p.bytes.size();
    for (const auto& m : output.snapshots)
        bytes += sizeof(m) + m.peer.size() + m.bytes.size();
    return bytes;
}

}  // namespace

void CommitGate::hold(Output&& turn, Output& ready) {
    for (const auto& publication : turn.publications)
        batch_ = std::max(batch_, publication.batch);
    if ((held_.empty() && batch_ <= written_) || bug(Bug::published_first))
        return release(turn, ready);
    auto& all = turn.publications;
    const auto ticks = std::stable_partition(all.begin(), all.end(),
                                             [](const auto& p) { return p.topic != kTopicTick; });
    std::move(ticks, all.end(), std::back_inserter(ready.publications));
    all.erase(ticks, all.end());
    const auto bytes = bytes_of(turn);
    if (bytes == 0) return;
    bytes_ += bytes;
    held_.push_back({batch_, bytes, std::move(turn)});
}

void CommitGate::on_written(std::uint64_t batch, Output& ready) {
    written_ = std::max(written_, batch);
    for (; !held_.empty() && held_.front().batch <= written_; held_.pop_front()) {
        bytes_ -= held_.front().bytes;
        release(held_.front().output, ready);
    }
}

}  // namespace presence::tracker
