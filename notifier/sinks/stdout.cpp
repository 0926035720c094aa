#include "notifier/sinks/stdout.hpp"

#include <limits.h>
#include <unistd.h>

#include "common/io/event_text.hpp"

namespace presence::notifier {

Report StdoutSink::take(const std::vector<Event>& batch) {
    std::string lines;
    if (text_)
        for (const auto& event : batch)
            lines += io::text_line(event) + '\n';
    else
        lines = json_lines(batch);
    // The descriptor is shared with others, so it stays blocking: a pipe that is ready takes
    // PIPE_BUF bytes without blocking.
    write_all(STDOUT_FILENO, lines, PIPE_BUF, "standard output", *interrupt_);
    return Report::all_done(batch.size());
}

}  // namespace presence::notifier
