#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "notifier/backoff.hpp"
#include "notifier/sinks/child.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// The newest whole lines of at least `bytes_min` bytes in all (or all there were).
class LastLines {
public:
    void set_bytes_min(std::size_t bytes) { bytes_min_ = bytes; }
    void add(std::string_view lines);  // each with its newline
    [[nodiscard]] std::string joined() const;

private:
    std::size_t bytes_min_ = 0;
    std::size_t bytes_ = 0;
    std::deque<std::string> lines_;
};

// JSON lines on the standard input of a long-lived child. A child that ends is started again after
// a backoff, and is given again what the one before may not have read: as much as the pipe holds,
// and as much again for what it had read but perhaps not handled. So every line is given at least
// once, in order, and some twice.
//
// A child that does not read makes only this sink wait.
class ExecSink : public Sink {
public:
    // A child that lives this long has earned that its successor is started at once.
    static constexpr Duration kProvenLife = 10s;

    ExecSink(std::string name, std::vector<std::string> command, const Interrupt& interrupt);
    void take(const std::vector<Event>& chunk) override;
    [[nodiscard]] Watch watch() const override;
    void tend() override;
    void close(Instant deadline) override;

private:
    void start();
    void write(std::string_view lines);
    void end_child(Instant deadline);

    std::string name_;
    std::vector<std::string> command_;
    const Interrupt* interrupt_;
    std::optional<Child> child_;
    LastLines given_;
    Backoff backoff_;
    Instant started_{};
    Instant not_before_{};
};

}  // namespace presence::notifier
