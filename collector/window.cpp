#include "collector/window.hpp"

#include "common/check.hpp"

namespace presence::collector {

std::optional<Window::Due> Window::take_due() {
    std::size_t index = next_;
    if (probing_) {
        if (!std::exchange(probe_due_, false)) return {};
        index = 0;
    } else {
        if (next_ >= frames_.size() || next_ >= kFrames || under_way_bytes_ >= kBytes) return {};
        under_way_bytes_ += frames_[next_++].bytes();
    }
    Frame& frame = frames_[index];
    const auto number = base_ + index;
    const bool again = number <= sent_max_;
    if (!again) sent_max_ = number;
    return Due{frame, number, again};
}

bool Window::watch(Instant now) {
    if (next_ == 0 && !probing_) quiet_since_ = now;
    if (now - quiet_since_ < kProbeInterval) return false;
    rewind();
    quiet_since_ = now;
    probing_ = true;
    probe_due_ = true;
    return true;
}

bool Window::acknowledge(std::uint64_t applied, Instant received) {
    if (applied < base_) return false;
    for (; base_ <= applied; ++base_) {
        PRESENCE_CHECK(!frames_.empty(), "what was sent is kept until it is acknowledged");
        pop();
    }
    quiet_since_ = received;
    probing_ = false;
    return true;
}

bool Window::on_gap(Instant received) {
    if (frames_.empty() || (base_ == gap_.base && received - gap_.at < kGapPause)) return false;
    rewind();
    gap_ = {base_, received};
    probing_ = false;
    return true;
}

void Window::pop() {
    const std::size_t bytes = frames_.front().bytes();
    bytes_ -= bytes;
    if (next_ > 0) {
        --next_;
        under_way_bytes_ -= bytes;
    }
    frames_.pop_front();
}

void Window::rewind() {
    next_ = 0;
    under_way_bytes_ = 0;
}

}  // namespace presence::collector
