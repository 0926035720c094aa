#include "notifier/sinks/exec.hpp"

#include <poll.h>

#include "common/io/clock.hpp"
#include "common/io/log.hpp"
#include "common/slots.hpp"

namespace presence::notifier {

namespace {

// For a child that closed its input but lives on.
constexpr Duration kEndPatience = 2s;

}  // namespace

void LastLines::add(std::string_view lines) {
    while (!lines.empty()) {
        const auto end = std::min(lines.find('\n'), lines.size() - 1) + 1;
        lines_.emplace_back(lines.substr(0, end));
        bytes_ += end;
        lines.remove_prefix(end);
    }
    while (!lines_.empty() && bytes_ - lines_.front().size() >= bytes_min_) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
    }
}

std::string LastLines::joined() const {
    std::string all;
    all.reserve(bytes_);
    for (const auto& line : lines_)
        all += line;
    return all;
}

ExecSink::ExecSink(std::string name, std::vector<std::string> command, const Interrupt& interrupt)
    : name_(std::move(name)),
      command_(std::move(command)),
      interrupt_(&interrupt),
      backoff_(100ms, 10s, hash_of(name_) ^ static_cast<std::uint64_t>(micros(io::now()))) {}

void ExecSink::start() {
    try {
        child_.emplace(command_);
    } catch (...) {
        not_before_ = io::now() + backoff_.next();
        throw;
    }
    started_ = io::now();
    given_.set_bytes_min(2 * child_->input_bytes());
    const auto again = given_.joined();
    io::log::info("child_started", {{"sink", name_},
                                    {"pid", child_->pid()},
                                    {"command", command_.front()},
                                    {"given_again_bytes", again.size()}});
    write(again);
}

void ExecSink::write(std::string_view lines) {
    try {
        write_all(child_->input(), lines, lines.size(), "to " + command_.front(), *interrupt_);
    } catch (const SinkFailure&) {
        if (interrupt_->wait(-1, 0, Instant{}) != Interrupt::Woken::stopped)
            end_child(io::now() + kEndPatience);
        throw;
    }
}

void ExecSink::end_child(Instant deadline) {
    const auto pid = child_->pid();
    const auto how = child_->end(deadline);
    child_.reset();
    const auto now = io::now();
    if (now - started_ >= kProvenLife) backoff_.reset();
    not_before_ = now + backoff_.next();
    io::log::warn("child_ended", {{"sink", name_}, {"pid", pid}, {"how", how}});
}

void ExecSink::take(const std::vector<Event>& chunk) {
    if (!child_) {
        if (interrupt_->wait(-1, 0, not_before_) == Interrupt::Woken::stopped)
            throw SinkFailure("stopped before " + command_.front() + " was started again");
        start();
    }
    const auto lines = json_lines(chunk);
    write(lines);
    given_.add(lines);
}

Sink::Watch ExecSink::watch() const {
    if (child_) return {child_->ended_fd(), Instant::max()};
    return {-1, not_before_};
}

void ExecSink::tend() {
    if (child_)
        end_child(io::now());
    else
        start();
}

void ExecSink::close(Instant deadline) {
    if (!child_) return;
    const auto how = child_->end(deadline);
    child_.reset();
    io::log::info("child_ended", {{"sink", name_}, {"how", how}});
}

}  // namespace presence::notifier
