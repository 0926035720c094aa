#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/backoff.hpp"
#include "notifier/sinks/culprit.hpp"
#include "notifier/sinks/exec/answers.hpp"
#include "notifier/sinks/exec/child.hpp"
#include "notifier/sinks/exec/child_record.hpp"
#include "notifier/sinks/exec/last_lines.hpp"
#include "notifier/sinks/handover.hpp"
#include "notifier/sinks/reasons.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// JSON lines on the standard input of a long-lived child. A child that ends is started again after
// a backoff. What counts as taken:
//
// - Without `acknowledge`, what is in the pipe. The next child is given again what the one before
//   may not have read: as much as the pipe holds, and as much again for what it had read but
//   perhaps not handled. The lines outlive this process, unless its child ended in order once all
//   was given. So every line is given at least once, in order, and some twice.
// - With it, what the child says it has handled (Handover). One that says nothing for `timeout`,
//   while something is to be said, is ended.
//
// A line with which children ended too often, or for too long, is given up (Culprit). Without
// `acknowledge` a child has borne a line once it has read the next one: until it is known which
// line it was, there is never more than one in the pipe. What ends later than kProvenLife after
// its last line did not end because of it.
//
// There is one child at a time: one that outlives this process is ended by the next one, which has
// its pid from a file, before anything is given to another.
//
// A child that does not read makes only this sink wait.
class ExecSink : public Sink {
public:
    // A child that lives this long has earned that its successor is started at once.
    static constexpr Duration kProvenLife = 10s;
    // So many in a row that did not: the log says that the program gets nowhere.
    static constexpr int kQuickEndsTold = 3;
    // Of what it tells again and again, for each reason.
    static constexpr Duration kTellInterval = 10s;

    // Its files lie in `directory`, which is this sink's alone.
    ExecSink(const SinkConfig& config, const std::filesystem::path& directory,
             const Interrupt& interrupt, SinkHost host);
    [[nodiscard]] Report take(const std::vector<Event>& batch) override;
    [[nodiscard]] Watch watch() const override;
    void tend() override;
    void close(Instant deadline) override;

private:
    // exec.cpp: the child
    void begin();
    void end_earlier(const ChildRecord::Living& earlier);
    void ensure_running();
    void start();
    // `why`: "ended", or what it did for which it is ended.
    std::string end_child(Instant deadline, const std::string& why = "ended");
    void judge(const std::string& how, std::size_t unread_bytes);
    void give_up(const Handover::Line& line, const std::string& how, std::uint64_t attempts);

    // exec_lines.cpp: what it is given
    void give(const std::vector<Event>& chunk);
    void give_again();
    void write(std::string_view lines);
    void write_alone(const std::string& line);
    void hand_over(std::vector<Handover::Line> lines);
    void fail(const std::string& why);
    [[nodiscard]] bool ends_soon() const;
    bool read_answers();

    std::string name_;
    std::vector<std::string> command_;
    bool acknowledge_;
    Duration timeout_;  // of an acknowledgement
    const Interrupt* interrupt_;
    SinkHost host_;

    std::optional<Child> child_;
    ChildRecord record_;
    bool begun_ = false;
    Backoff backoff_;
    int quick_ends_ = 0;  // in a row
    Instant started_{};
    Instant not_before_{};
    Culprit culprit_;
    Reasons not_kept_{kTellInterval};  // why a dead letter could not be

    // Without acknowledge.
    LastLines given_;
    std::string last_, before_last_;  // lines that this child was given alone
    Instant last_at_{};
    std::set<std::string> given_up_;  // ids, of the chunk that is not taken yet

    // With it.
    std::optional<Handover> handover_;
    Answers answers_;
    Instant progress_at_{};  // the last acknowledgement
    bool output_ended_ = false;
    Reasons ignored_{kTellInterval};
};

// The id and the user of an event's line.
[[nodiscard]] DeadLine dead_line_of(const std::string& line);
[[nodiscard]] std::vector<Handover::Line> lines_of(const std::vector<Event>& chunk);

}  // namespace presence::notifier
