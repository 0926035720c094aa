#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "common/io/clock.hpp"
#include "common/io/log.hpp"
#include "notifier/sinks/exec/exec.hpp"

namespace presence::notifier {

namespace {

// For a child that closed its input but lives on.
constexpr Duration kEndPatience = 2s;
// Read of what it says, before anything else is done.
constexpr std::size_t kReadBytes = 64 * 1024;

}  // namespace

DeadLine dead_line_of(const std::string& line) {
    const auto text = line.substr(0, line.find_last_not_of('\n') + 1);
    const auto event = nlohmann::json::parse(text, nullptr, false);
    if (!event.is_object()) return {{}, {}, text};
    return {event.value("id", ""), event.value("user", ""), text};
}

std::vector<Handover::Line> lines_of(const std::vector<Event>& chunk) {
    std::vector<Handover::Line> lines;
    lines.reserve(chunk.size());
    for (const auto& event : chunk)
        lines.push_back({id_of(event), to_json(event) + '\n'});
    return lines;
}

// ---- Without acknowledge

void ExecSink::give(const std::vector<Event>& chunk) {
    ensure_running();
    if (culprit_.suspects() && io::now() - started_ >= kProvenLife) {
        culprit_.on_borne();
        child_->widen_input();
    }
    std::string lines;
    for (const auto& [id, text] : lines_of(chunk)) {
        if (given_up_.contains(id)) continue;
        lines += text;
        if (culprit_.suspects()) write_alone(text);
    }
    if (!culprit_.suspects()) write(lines);
    given_.add(lines);
    given_up_.clear();
}

// To a child that begins: what the one before may not have handled.
void ExecSink::give_again() {
    if (!culprit_.suspects()) return write(given_.joined());
    const auto lines = given_.lines();  // one of them may be given up
    for (const auto& line : lines)
        write_alone(line);
}

// Returns once there was room for it: the child has read what came before.
void ExecSink::write_alone(const std::string& line) {
    write(line);
    before_last_ = std::exchange(last_, line);
    last_at_ = io::now();
}

void ExecSink::write(std::string_view lines) {
    try {
        write_all(child_->input(), lines, lines.size(), "to " + command_.front(), *interrupt_);
    } catch (const SinkFailure&) {
        if (interrupt_->wait(-1, 0, Instant{}) != Interrupt::Woken::stopped)
            (void)end_child(io::now() + kEndPatience);
        throw;
    }
}

// ---- With it

void ExecSink::hand_over(std::vector<Handover::Line> lines) {
    if (!handover_ || !handover_->is_of(lines)) handover_.emplace(std::move(lines));
    ensure_running();
    for (progress_at_ = io::now(); !handover_->done();) {
        const auto deadline = progress_at_ + timeout_;
        const auto bytes = handover_->to_write(culprit_.suspects());
        std::array<pollfd, 3> fds{{{child_->output(), POLLIN, 0},
                                   {bytes.empty() ? -1 : child_->input(), POLLOUT, 0},
                                   {child_->ended_fd(), POLLIN, 0}}};
        if (interrupt_->wait(fds, deadline) == Interrupt::Woken::stopped)
            throw SinkFailure("stopped before " + command_.front() + " had acknowledged all");
        const auto written =
            fds[1].revents == 0 ? 0 : ::write(child_->input(), bytes.data(), bytes.size());
        const bool refused = written < 0 && errno != EAGAIN && errno != EINTR;
        if (written > 0) handover_->wrote(static_cast<std::size_t>(written));
        if (fds[0].revents != 0) (void)read_answers();
        if (fds[2].revents != 0)
            fail("ended");
        else if (refused)
            fail(ends_soon() ? "ended" : "closed its standard input");
        else if (output_ended_)
            fail(ends_soon() ? "ended" : "closed its standard output");
        else if (io::now() >= progress_at_ + timeout_)
            fail("acknowledged nothing for " + format_duration(timeout_));
    }
    handover_.reset();
    culprit_.on_borne();
}

// What a child that ends closes is seen before its end.
bool ExecSink::ends_soon() const {
    const auto until = io::now() + kEndPatience / 2;
    return interrupt_->wait(child_->ended_fd(), POLLIN, until) == Interrupt::Woken::ready;
}

// Ends the child. Throws, unless it has acknowledged all on its way.
void ExecSink::fail(const std::string& why) {
    const auto how = end_child(io::now() + kEndPatience, why);
    if (!handover_->done())
        throw SinkFailure(command_.front() + " " + why + " before it had acknowledged all: " + how);
}

// Some of what the child has said. Whether there may be more.
bool ExecSink::read_answers() {
    std::array<char, kReadBytes> bytes{};
    const auto got = ::read(child_->output(), bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) return true;
    if (got == 0) output_ended_ = true;
    if (got <= 0) return false;
    std::uint64_t ignored = 0;
    for (const auto& [id, fault] : answers_.take({bytes.data(), static_cast<std::size_t>(got)})) {
        const bool taken =
            !id.empty() && handover_ && handover_->on_answer(id) == Handover::Answer::taken;
        if (taken) {
            progress_at_ = io::now();
            continue;
        }
        ++ignored;
        ignored_.add(id.empty() ? fault : "an id that waits for no answer", 1);
    }
    if (ignored > 0) host_.news->add_answers_ignored(ignored);
    for (const auto& [reason, answers] : ignored_.take(io::now()))
        io::log::warn("answers_ignored",
                      {{"sink", name_}, {"answers", answers}, {"reason", reason}});
    return true;
}

}  // namespace presence::notifier
