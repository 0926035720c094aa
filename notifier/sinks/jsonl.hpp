#pragma once

#include "notifier/sinks/fd.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// Appends JSON lines to a file. A line that a crash or a full disk tore is cut when the file is
// opened; after a failure it is opened anew. Written, not synced: what it has taken survives the
// end of this process, not a power cut.
class JsonlSink : public Sink {
public:
    explicit JsonlSink(std::string path) : path_(std::move(path)) {}
    [[nodiscard]] Report take(const std::vector<Event>& batch) override;
    void open() override;
    // The file is there from the start, so that it can be followed.
    [[nodiscard]] Watch watch() const override;
    void tend() override;

private:
    std::string path_;
    Fd file_;
    bool tended_ = false;
};

}  // namespace presence::notifier
