#include "notifier/sinks/stdout.hpp"

#include <limits.h>
#include <unistd.h>

#include "common/io/event_text.hpp"

namespace presence::notifier {

void StdoutSink::take(const std::vector<Event>& chunk) {
    std::string lines;
    if (text_)
        for (const auto& event : chunk)
            lines += io::text_line(event) + '\n';
    else
        lines = json_lines(chunk);
    // The descriptor is shared with others, so it stays blocking: a pipe that is ready takes
    // PIPE_BUF bytes without blocking.
    write_all(STDOUT_FILENO, lines, PIPE_BUF, "standard output", *interrupt_);
}

}  // namespace presence::notifier
