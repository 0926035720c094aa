#include <poll.h>
#include <signal.h>

#include <catch2/catch.hpp>

#include "common/io/clock.hpp"
#include "notifier/sinks/exec.hpp"

using namespace presence;
using notifier::Child;
using notifier::LastLines;
using notifier::SinkFailure;

TEST_CASE("the last lines hold whole lines of at least the bytes asked for",
          "[notifier][sinks][exec]") {
    LastLines lines;
    lines.set_bytes_min(6);
    lines.add("aaa\nbbb\n");
    CHECK(lines.joined() == "aaa\nbbb\n");
    lines.add("c\n");
    CHECK(lines.joined() == "bbb\nc\n");
    lines.add("dddddddddddd\n");
    CHECK(lines.joined() == "dddddddddddd\n");
}

TEST_CASE("a program that cannot be started is told with its name", "[notifier][sinks][exec]") {
    CHECK_THROWS_WITH(Child({"/nonexistent/program"}),
                      Catch::Contains("cannot start /nonexistent/program"));
}

TEST_CASE("a child ends by itself when its input is closed, and tells how",
          "[notifier][sinks][exec]") {
    Child child({"sh", "-c", "cat >/dev/null; exit 3"});
    CHECK(child.input_bytes() >= 4096);
    CHECK(child.end(io::now() + 30s) == "exit 3");
}

TEST_CASE("a child that does not end is asked, then killed", "[notifier][sinks][exec]") {
    Child polite({"sleep", "1000"});
    CHECK(polite.end(io::now() + 20ms) == "signal 15");
    Child deaf({"sh", "-c", "trap '' TERM; while :; do sleep 1000; done"});
    CHECK(deaf.end(Instant{}).starts_with("signal "));
}

TEST_CASE("a child inherits no signal that is ignored or blocked here", "[notifier][sinks][exec]") {
    // grep finds a signal below 28 in one of the masks; above are those that glibc itself ignores.
    Child child({"grep", "-qE", "^Sig(Ign|Blk):.*[1-9a-f].{0,6}$", "/proc/self/status"});
    CHECK(child.end(io::now() + 30s) == "exit 1");
}

TEST_CASE("a write to a child that does not read ends when the process stops",
          "[notifier][sinks][exec]") {
    ::signal(SIGPIPE, SIG_IGN);
    notifier::Interrupt interrupt;
    Child child({"sleep", "1000"});
    interrupt.stop();
    CHECK_THROWS_AS(notifier::write_all(child.input(), "x", 1, "to it", interrupt), SinkFailure);
    CHECK(child.end(Instant{}).starts_with("signal "));
}
