#pragma once

#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// Standard output, for people (text) or pipes (JSON lines).
class StdoutSink : public Sink {
public:
    StdoutSink(bool text, const Interrupt& interrupt) : text_(text), interrupt_(&interrupt) {}
    [[nodiscard]] Report take(const std::vector<Event>& batch) override;

private:
    bool text_;
    const Interrupt* interrupt_;
};

}  // namespace presence::notifier
