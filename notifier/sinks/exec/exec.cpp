#include "notifier/sinks/exec/exec.hpp"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <string>

#include "common/io/clock.hpp"
#include "common/io/log.hpp"
#include "common/slots.hpp"
#include "common/store/store.hpp"

namespace presence::notifier {

namespace {

// For a child that closed its input but lives on.
constexpr Duration kEndPatience = 2s;
// For one that was killed to be gone.
constexpr Duration kKillPatience = 1s;
// Of what it said last: a pipe holds less, and it may have left others behind that speak on.
constexpr int kReadsAtEnd = 32;
// Of a pipe as it is by default, twice: the run before may have had a larger one than this.
constexpr std::size_t kGivenBytesMin = 2 * 64 * 1024;

}  // namespace

ExecSink::ExecSink(const SinkConfig& config, const std::filesystem::path& directory,
                   const Interrupt& interrupt, SinkHost host)
    : name_(config.name),
      command_(config.command),
      acknowledge_(config.acknowledge),
      timeout_(config.timeout),
      interrupt_(&interrupt),
      host_(std::move(host)),
      record_(directory / "child"),
      backoff_(100ms, 10s, hash_of(name_) ^ static_cast<std::uint64_t>(micros(io::now()))),
      culprit_(config.attempts_max, config.give_up_after),
      given_(directory / "given.jsonl") {}

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

// Throws where a child cannot be started, or ends at once.
void ExecSink::ensure_running() {
    if (child_) return;
    if (interrupt_->wait(-1, 0, not_before_) == Interrupt::Woken::stopped)
        throw SinkFailure("stopped before " + command_.front() + " was started again");
    start();
}

void ExecSink::start() {
    begin();
    try {
        child_.emplace(command_,
                       Child::Options{!acknowledge_ && culprit_.suspects(), acknowledge_, name_});
        record_.write(child_->pid());  // before it is given anything
    } catch (...) {
        child_.reset();
        not_before_ = io::now() + backoff_.next();
        throw;
    }
    started_ = io::now();
    last_.clear();
    before_last_.clear();
    output_ended_ = false;
    answers_.reset();
    if (handover_) handover_->begin_again();
    if (!acknowledge_) given_.raise_bytes_min(std::max(kGivenBytesMin, 2 * child_->input_bytes()));
    const auto again = handover_ ? handover_->bytes_left() : given_.bytes();
    io::log::info("child_started", {{"sink", name_},
                                    {"pid", child_->pid()},
                                    {"command", command_.front()},
                                    {"given_again_bytes", again}});
    if (!acknowledge_) give_again();
}

std::string ExecSink::end_child(Instant deadline, const std::string& why) {
    const auto pid = child_->pid();
    const auto how = child_->end(deadline);
    for (int n = 0; acknowledge_ && n < kReadsAtEnd && read_answers(); ++n) {
    }
    const auto unread = child_->unread_bytes();
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
    judge(why + " (" + how + ")", unread);
    return how;
}

// A line of which nothing was read is not to blame: then it is the one before.
void ExecSink::judge(const std::string& how, std::size_t unread_bytes) {
    Handover::Line line;
    if (const auto* oldest = handover_ ? handover_->oldest() : nullptr;
        oldest != nullptr && unread_bytes < oldest->text.size())
        line = *oldest;
    else if (!last_.empty() && io::now() - last_at_ < kProvenLife)
        line.text = unread_bytes >= last_.size() ? before_last_ : last_;
    if (line.id.empty() && !line.text.empty()) line.id = dead_line_of(line.text).id;
    if (const auto attempts = culprit_.on_end(line.id, io::now())) give_up(line, how, attempts);
}

void ExecSink::give_up(const Handover::Line& line, const std::string& how, std::uint64_t attempts) {
    const auto failure = command_.front() + " " + how + " when it had this alone, " +
                         std::to_string(attempts) + " times in a row";
    try {
        host_.give_up(dead_line_of(line.text), failure, attempts);
    } catch (const io::StoreError& error) {
        if (not_kept_.may_tell(error.what(), io::now()))
            io::log::error("dead_letters_not_kept", {{"sink", name_}, {"reason", error.what()}});
        return;
    }
    culprit_.forget(line.id);
    if (handover_) return handover_->give_up_oldest();
    given_up_.insert(line.id);
    given_.remove(line.text);
}

Report ExecSink::take(const std::vector<Event>& batch) {
    begin();
    if (!acknowledge_) {
        give(batch);
        return Report::all_done(batch.size());
    }
    // What was given before it was to be acknowledged.
    if (given_.bytes() > 0) {
        given_.raise_bytes_min(kGivenBytesMin);
        std::vector<Handover::Line> lines;
        for (const auto& line : given_.lines())
            lines.push_back({dead_line_of(line).id, line});
        hand_over(std::move(lines));
        given_.clear();
    }
    hand_over(lines_of(batch));
    return Report::all_done(batch.size());
}

Sink::Watch ExecSink::watch() const {
    if (child_) return {child_->ended_fd(), Instant::max(), output_ended_ ? -1 : child_->output()};
    return {-1, not_before_};
}

void ExecSink::tend() {
    if (!child_)
        start();
    else if (child_->ended())
        (void)end_child(io::now());
    else
        (void)read_answers();
}

// A program that ends with code 0 because its input did, says that it has handled all of it.
void ExecSink::close(Instant deadline) {
    if (!child_) return;
    const bool too_early = child_->ended();
    const auto how = child_->end(deadline);
    if (!too_early && how == "exit 0" && child_->read_all() && !acknowledge_) given_.clear();
    child_.reset();
    const auto kept = handover_ ? handover_->bytes_left() : given_.bytes();
    io::log::info("child_ended", {{"sink", name_}, {"how", how}, {"kept_bytes", kept}});
}

}  // namespace presence::notifier
