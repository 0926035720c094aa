#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "common/io/clock.hpp"
#include "common/io/temporary_directory.hpp"
#include "notifier/sinks/exec/exec.hpp"

using namespace presence;
using notifier::Child;
using notifier::ChildRecord;
using notifier::SinkFailure;

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
    for (const int ignored : {SIGPIPE, SIGXFSZ})
        ::signal(ignored, SIG_IGN);
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

TEST_CASE("whether a child has read all is known after its end", "[notifier][sinks][exec]") {
    Child reader({"cat"});
    REQUIRE(::write(reader.input(), "x\n", 2) == 2);
    CHECK(reader.end(io::now() + 30s) == "exit 0");
    CHECK(reader.read_all());
    // One that lives at the write and never reads.
    Child other({"sleep", "1000"});
    REQUIRE(::write(other.input(), "x\n", 2) == 2);
    CHECK(other.end(Instant{}).starts_with("signal "));
    CHECK_FALSE(other.read_all());
}

TEST_CASE("a recorded child is found while it lives, and nobody else in its place",
          "[notifier][sinks][exec]") {
    const io::TemporaryDirectory directory;
    const auto file = directory.path / "child";
    const ChildRecord record(file);
    CHECK_FALSE(record.living());
    Child child({"sleep", "1000"});
    record.write(child.pid());
    const auto found = ChildRecord(file).living();
    REQUIRE(found);
    CHECK(found->pid == child.pid());
    std::string text;
    std::getline(std::ifstream(file), text);
    // The same pid, of another time.
    std::ofstream(file) << child.pid() << " 1" << text.substr(text.find(' ') + 1) << '\n';
    CHECK_FALSE(record.living());
    std::ofstream(file) << child.pid() << '\n';
    CHECK_FALSE(record.living());
    std::ofstream(file) << text << '\n';
    CHECK(record.living());
    child.end(Instant{});
    CHECK_FALSE(record.living());
}
