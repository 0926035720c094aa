#include "notifier/sinks/exec/speech.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/io/clock.hpp"
#include "common/io/log.hpp"

namespace presence::notifier {

Speech::Speech(std::string sink, Fd from) : sink_(std::move(sink)), from_(std::move(from)) {
    ::fcntl(from_.get(), F_SETFL, O_NONBLOCK);
    thread_ = std::thread([this] { run(); });
}

Speech::~Speech() {
    stop_.ring();
    thread_.join();
}

void Speech::run() {
    while (!ended_) {
        std::array<pollfd, 2> both{{{from_.get(), POLLIN, 0}, {stop_.fd(), POLLIN, 0}}};
        ::poll(both.data(), both.size(), left_out_ > 0 ? 1000 : -1);
        // A pipe holds no more than this: one that speaks on is not waited for.
        const bool stopped = both[1].revents != 0;
        for (int n = 0; n < 32 && read_some(); ++n) {
        }
        if (stopped) ended_ = true;
        if (io::now() - second_ >= 1s) tell_left_out();
    }
    if (!line_.empty()) tell(line_);
    tell_left_out();
}

bool Speech::read_some() {
    std::array<char, 4096> bytes;
    const auto n = ::read(from_.get(), bytes.data(), bytes.size());
    if (n > 0) take({bytes.data(), static_cast<std::size_t>(n)});
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) ended_ = true;
    return n > 0;
}

void Speech::take(std::string_view bytes) {
    for (const char c : bytes) {
        if (c != '\n') line_ += c;
        if (c != '\n' && line_.size() < kLineBytesMax) continue;
        if (!line_.empty()) tell(line_);
        line_.clear();
    }
}

void Speech::tell(std::string_view line) {
    if (const auto now = io::now(); now - second_ >= 1s) {
        tell_left_out();
        second_ = now;
        told_ = 0;
    }
    if (told_ < kLinesMax)
        io::log::warn("child_said", {{"sink", sink_}, {"line", line}});
    else
        ++left_out_;
    ++told_;
}

void Speech::tell_left_out() {
    if (left_out_ > 0) io::log::warn("child_said_more", {{"sink", sink_}, {"lines", left_out_}});
    left_out_ = 0;
}

}  // namespace presence::notifier
