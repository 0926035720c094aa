#include "notifier/sinks/exec.hpp"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <string>

#include "common/io/clock.hpp"
#include "common/io/log.hpp"
#include "common/slots.hpp"

namespace presence::notifier {

namespace {

// For a child that closed its input but lives on.
constexpr Duration kEndPatience = 2s;
// For one that was killed to be gone.
constexpr Duration kKillPatience = 1s;
// Of a pipe as it is by default, twice: the run before may have had a larger one than this.
constexpr std::size_t kGivenBytesMin = 2 * 64 * 1024;

}  // namespace

ExecSink::ExecSink(std::string name, std::vector<std::string> command,
                   const std::filesystem::path& directory, const Interrupt& interrupt)
    : name_(std::move(name)),
      command_(std::move(command)),
      interrupt_(&interrupt),
      given_(directory / "given.jsonl"),
      record_(directory / "child"),
      backoff_(100ms, 10s, hash_of(name_) ^ static_cast<std::uint64_t>(micros(io::now()))) {}

// Goes on from what an earlier process left.
void ExecSink::begin() {
    if (begun_) return;
    if (const auto earlier = record_.living()) end_earlier(*earlier);
    given_.load();
    begun_ = true;
}

// Its input ended with the process that gave it. Two at a time would tell out of order.
void ExecSink::end_earlier(const ChildRecord::Living& earlier) {
    const auto ends_within = [&](Duration patience) {
        const auto woken = interrupt_->wait(earlier.process.get(), POLLIN, io::now() + patience);
        if (woken == Interrupt::Woken::stopped)
            throw SinkFailure("stopped before the program of an earlier run had ended");
        return woken == Interrupt::Woken::ready;
    };
    const char* how = "by itself";
    if (!ends_within(kEndPatience / 2)) {
        how = "asked to";
        ::kill(-earlier.pid, SIGTERM);
        if (!ends_within(kEndPatience / 2)) {
            how = "killed";
            ::kill(-earlier.pid, SIGKILL);
            if (!ends_within(kKillPatience))
                throw SinkFailure("the program of an earlier run, pid " +
                                  std::to_string(earlier.pid) + ", cannot be ended");
        }
    }
    io::log::warn("earlier_child_ended", {{"sink", name_}, {"pid", earlier.pid}, {"how", how}});
}

void ExecSink::start() {
    try {
        begin();
        child_.emplace(command_);
        record_.write(child_->pid());  // before it is given anything
    } catch (...) {
        child_.reset();
        not_before_ = io::now() + backoff_.next();
        throw;
    }
    started_ = io::now();
    given_.raise_bytes_min(std::max(kGivenBytesMin, 2 * child_->input_bytes()));
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
    if (now - started_ >= kProvenLife) {
        backoff_.reset();
        quick_ends_ = 0;
    } else {
        ++quick_ends_;
    }
    not_before_ = now + backoff_.next();
    io::log::warn("child_ended", {{"sink", name_}, {"pid", pid}, {"how", how}});
    // Each of them is given the same lines first: one that cannot bear them gets no further.
    if (quick_ends_ > 0 && quick_ends_ % kQuickEndsTold == 0)
        io::log::error("child_keeps_ending", {{"sink", name_},
                                              {"times", quick_ends_},
                                              {"how", how},
                                              {"given_again_bytes", given_.bytes()}});
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

// A program that ends with code 0 because its input did, says that it has handled all of it.
void ExecSink::close(Instant deadline) {
    if (!child_) return;
    const bool too_early = child_->ended();
    const auto how = child_->end(deadline);
    if (!too_early && how == "exit 0" && child_->read_all()) given_.clear();
    child_.reset();
    io::log::info("child_ended", {{"sink", name_}, {"how", how}, {"kept_bytes", given_.bytes()}});
}

}  // namespace presence::notifier
