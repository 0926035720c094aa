#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "notifier/backoff.hpp"
#include "notifier/sinks/child.hpp"
#include "notifier/sinks/child_record.hpp"
#include "notifier/sinks/last_lines.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// JSON lines on the standard input of a long-lived child. A child that ends is started again after
// a backoff, and is given again what the one before may not have read: as much as the pipe holds,
// and as much again for what it had read but perhaps not handled. So every line is given at least
// once, in order, and some twice. The lines outlive this process, unless its child ended in order
// once all was given.
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

    // Its files lie in `directory`, which is this sink's alone.
    ExecSink(std::string name, std::vector<std::string> command,
             const std::filesystem::path& directory, const Interrupt& interrupt);
    void take(const std::vector<Event>& chunk) override;
    [[nodiscard]] Watch watch() const override;
    void tend() override;
    void close(Instant deadline) override;

private:
    void start();
    void begin();
    void end_earlier(const ChildRecord::Living& earlier);
    void write(std::string_view lines);
    void end_child(Instant deadline);

    std::string name_;
    std::vector<std::string> command_;
    const Interrupt* interrupt_;
    std::optional<Child> child_;
    LastLines given_;
    ChildRecord record_;
    bool begun_ = false;
    Backoff backoff_;
    int quick_ends_ = 0;  // in a row
    Instant started_{};
    Instant not_before_{};
};

}  // namespace presence::notifier
