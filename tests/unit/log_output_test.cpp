#include "common/io/log_output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "common/io/fd.hpp"

using namespace presence;
using io::Fd;
using io::log::LogOutput;

namespace {

struct Ends {
    Fd read, write;
};

Ends pipe_of(int bytes) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    REQUIRE(::fcntl(ends[1], F_SETPIPE_SZ, bytes) == bytes);
    return {Fd(ends[0]), Fd(ends[1])};
}

Ends socket_pair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    return {Fd(ends[0]), Fd(ends[1])};
}

Ends terminal() {
    int master = -1, slave = -1;
    termios raw{};
    ::cfmakeraw(&raw);
    REQUIRE(::openpty(&master, &slave, nullptr, &raw, nullptr) == 0);
    return {Fd(master), Fd(slave)};
}

// All that is there now; and `bytes` at least, as a terminal takes its time.
std::string read_all(const Fd& fd, std::size_t bytes = 0) {
    std::string all;
    std::array<char, 4096> some{};
    pollfd ready{fd.get(), POLLIN, 0};
    while (::poll(&ready, 1, all.size() < bytes ? 10'000 : 0) == 1) {
        const auto n = ::read(fd.get(), some.data(), some.size());
        if (n <= 0) break;
        all.append(some.data(), static_cast<std::size_t>(n));
    }
    return all;
}

LogOutput output_to(const Fd& fd) {
    return LogOutput(fd.get(),
                     [](std::uint64_t lines) { return "dropped " + std::to_string(lines) + "\n"; });
}

std::string line_of(char c, std::size_t size) {
    return std::string(size - 1, c) + "\n";
}

// A reader that stands still, and then reads on: what was written, with `lines` of them dropped.
std::string after_a_stall(LogOutput& output, const Ends& ends, std::size_t size, int count) {
    for (int i = 0; i < count; ++i)
        output.write(line_of('x', size));
    CHECK((::fcntl(ends.write.get(), F_GETFL) & O_NONBLOCK) == 0);
    std::string all = read_all(ends.read);
    output.write("last\n");
    return all + read_all(ends.read);
}

void check_all_are_accounted_for(const std::string& all, std::size_t size, int count) {
    const auto notice = all.find("dropped ");
    REQUIRE(notice != std::string::npos);
    REQUIRE(notice % size == 0);  // whole lines before it
    const int written = static_cast<int>(notice / size);
    CHECK(written > 0);
    CHECK(all.substr(notice) == "dropped " + std::to_string(count - written) + "\nlast\n");
    for (int i = 0; i < written; ++i)
        CHECK(all.substr(static_cast<std::size_t>(i) * size, size) == line_of('x', size));
}

}  // namespace

TEST_CASE("a log is not held up by a pipe that nobody reads", "[log]") {
    const auto ends = pipe_of(4096);
    auto output = output_to(ends.write);
    check_all_are_accounted_for(after_a_stall(output, ends, 100, 1000), 100, 1000);
}

TEST_CASE("a log is not held up by a pipe that cannot be opened anew", "[log]") {
    const auto ends = pipe_of(8192);  // poll(2) finds room only in a page that is empty
    auto output = output_to(ends.write);
    rlimit files{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
    const rlimit one{1, files.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &one) == 0);
    output.write(line_of('x', 100));
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
    CHECK(read_all(ends.read) == line_of('x', 100));
    check_all_are_accounted_for(after_a_stall(output, ends, 100, 1000), 100, 1000);
}

TEST_CASE("a log is not held up by a socket that nobody reads", "[log]") {
    const auto ends = socket_pair();
    auto output = output_to(ends.write);
    check_all_are_accounted_for(after_a_stall(output, ends, 10'000, 1000), 10'000, 1000);
}

TEST_CASE("a log is not held up by a terminal that was stopped", "[log]") {
    const auto ends = terminal();
    auto output = output_to(ends.write);
    output.write("first\n");
    CHECK(read_all(ends.read, 6) == "first\n");
    REQUIRE(::tcflow(ends.write.get(), TCOOFF) == 0);  // as by Ctrl-S
    for (int i = 0; i < 3; ++i)
        output.write("lost\n");
    REQUIRE(::tcflow(ends.write.get(), TCOON) == 0);
    output.write("last\n");
    CHECK(read_all(ends.read, 15) == "dropped 3\nlast\n");
}

TEST_CASE("a line that found room for its beginning is ended before the next", "[log]") {
    const auto ends = pipe_of(4096);
    auto output = output_to(ends.write);
    output.write(line_of('a', 6000));  // beyond PIPE_BUF, it may be written in parts
    output.write("b\n");
    const auto beginning = read_all(ends.read);
    CHECK(beginning == std::string(4096, 'a'));
    output.write("c\n");
    CHECK(beginning + read_all(ends.read) == line_of('a', 6000) + "dropped 1\nc\n");
}

TEST_CASE("a log follows its descriptor to another file, and survives a reader that is gone",
          "[log]") {
    const auto before = socket_pair();
    auto after = pipe_of(4096);
    auto output = output_to(before.write);
    output.write("a\n");
    CHECK(read_all(before.read) == "a\n");
    REQUIRE(::dup2(after.write.get(), before.write.get()) >= 0);
    output.write("b\n");
    CHECK(read_all(after.read) == "b\n");
    auto gone = socket_pair();
    gone.read.reset();
    REQUIRE(::dup2(gone.write.get(), before.write.get()) >= 0);
    output.write("c\n");  // by a signal it would end us
}
