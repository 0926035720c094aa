#include "notifier/sinks/handover.hpp"

#include <algorithm>
#include <utility>

namespace presence::notifier {

Handover::Handover(std::vector<Line> lines)
    : lines_(std::move(lines)), acknowledged_(lines_.size()) {
    for (std::size_t i = 0; i < lines_.size(); ++i)
        index_.emplace(lines_[i].id, i);
}

bool Handover::is_of(const std::vector<Line>& lines) const {
    return std::equal(lines_.begin(), lines_.end(), lines.begin(), lines.end(),
                      [](const auto& a, const auto& b) { return a.text == b.text; });
}

std::string_view Handover::to_write(bool alone) const {
    if (next_ == lines_.size() || (alone && next_ > first_)) return {};
    return std::string_view(lines_[next_].text).substr(offset_);
}

void Handover::wrote(std::size_t bytes) {
    offset_ += bytes;
    if (offset_ < lines_[next_].text.size()) return;
    ++next_;
    offset_ = 0;
}

Handover::Answer Handover::on_answer(std::string_view id) {
    const auto found = index_.find(id);
    if (found == index_.end()) return Answer::unknown;
    const auto line = found->second;
    if (acknowledged_[line]) return Answer::again;
    if (line >= next_) return Answer::unknown;  // it was not given yet
    acknowledged_[line] = true;
    advance();
    return Answer::taken;
}

const Handover::Line* Handover::oldest() const {
    return first_ < next_ || offset_ > 0 ? &lines_[first_] : nullptr;
}

void Handover::give_up_oldest() {
    acknowledged_[first_] = true;
    advance();
    next_ = std::max(next_, first_);
}

void Handover::begin_again() {
    next_ = first_;
    offset_ = 0;
    std::fill(acknowledged_.begin() + static_cast<std::ptrdiff_t>(first_), acknowledged_.end(),
              false);
}

std::size_t Handover::bytes_left() const {
    std::size_t bytes = 0;
    for (std::size_t i = first_; i < lines_.size(); ++i)
        bytes += lines_[i].text.size();
    return bytes;
}

void Handover::advance() {
    while (first_ < lines_.size() && acknowledged_[first_])
        ++first_;
}

}  // namespace presence::notifier
