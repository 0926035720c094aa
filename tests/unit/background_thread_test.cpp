#include "common/io/background_thread.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <optional>
#include <vector>

#include "common/io/clock.hpp"

using namespace presence;
using namespace std::chrono_literals;
using io::BackgroundThread;
using io::Bell;

namespace {

constexpr Duration kLong = 20s;

bool readable(const Bell& bell, Duration within = Duration{0}) {
    pollfd one{bell.fd(), POLLIN, 0};
    return ::poll(&one, 1, static_cast<int>(within / 1ms)) == 1;
}

// Doubles the numbers it is given, until it is stopped.
struct Doubler : io::Mailbox {
    std::vector<int> given, doubled;
    std::optional<Instant> told;  // the deadline

    void run() {
        for (;;) {
            to_thread.wait(Instant::max());
            const std::lock_guard lock(mutex);
            for (const int number : given)
                doubled.push_back(2 * number);
            if (!given.empty()) to_owner.ring();
            given.clear();
            if (!stopping) continue;
            told = deadline;
            return;
        }
    }
    void give(int number) {
        const std::lock_guard lock(mutex);
        given.push_back(number);
        to_thread.ring();
    }
    void end(Instant by) {
        const std::lock_guard lock(mutex);
        stop(by);
    }
};

struct Traced : io::Mailbox {
    explicit Traced(const Bell& when_gone) : gone(when_gone) {}
    ~Traced() { gone.ring(); }
    const Bell& gone;
};

}  // namespace

TEST_CASE("a bell rings until it is quiet, however often it was rung", "[thread]") {
    const Bell bell;
    CHECK_FALSE(readable(bell));
    bell.ring();
    bell.ring();
    CHECK(readable(bell));
    CHECK(readable(bell));
    bell.quiet();
    CHECK_FALSE(readable(bell));
    bell.quiet();  // does not wait
}

TEST_CASE("who waits for a bell hears a ring from before, once, and waits no longer than told",
          "[thread]") {
    const Bell bell;
    bell.ring();
    const auto began = io::now();
    bell.wait(began + kLong);
    CHECK(io::now() < began + kLong);
    CHECK_FALSE(readable(bell));
    const auto until = io::now() + 20ms;
    bell.wait(until);
    CHECK(io::now() >= until);
}

TEST_CASE("what a thread is given comes back, and its end leaves nothing undone", "[thread]") {
    const auto mailbox = std::make_shared<Doubler>();
    const BackgroundThread thread(mailbox, [mailbox = mailbox.get()] { mailbox->run(); });
    mailbox->give(4);
    REQUIRE(readable(mailbox->to_owner, kLong));
    mailbox->to_owner.quiet();
    CHECK_FALSE(thread.ended());
    const auto by = io::now() + 3s;
    mailbox->give(5);
    mailbox->end(by);
    REQUIRE(thread.ended_by(io::now() + kLong));
    CHECK(thread.ended());
    CHECK(mailbox->doubled == std::vector{8, 10});
    CHECK(mailbox->told == by);
}

TEST_CASE("the end of a thread is heard by the owner's bell", "[thread]") {
    const auto mailbox = std::make_shared<Doubler>();
    const BackgroundThread thread(mailbox, [mailbox = mailbox.get()] { mailbox->run(); });
    CHECK_FALSE(readable(mailbox->to_owner));
    mailbox->end(io::now());
    REQUIRE(readable(mailbox->to_owner, kLong));
    CHECK(thread.ended());
}

TEST_CASE("a thread that hangs is waited for no longer than told, and left behind with its mailbox",
          "[thread]") {
    const Bell gone, may_end;
    auto mailbox = std::make_shared<Traced>(gone);
    {
        const BackgroundThread thread(mailbox, [&may_end] { may_end.wait(Instant::max()); });
        mailbox->to_owner.ring();  // news, which is not the end
        const auto until = io::now() + 30ms;
        CHECK_FALSE(thread.ended_by(until));
        CHECK(io::now() >= until);
    }
    mailbox.reset();
    CHECK_FALSE(readable(gone));
    may_end.ring();
    CHECK(readable(gone, kLong));
}

TEST_CASE("what a thread throws ends the process", "[thread]") {
    const auto child = ::fork();
    if (child == 0) {
        std::set_terminate([] { ::_exit(42); });
        const BackgroundThread thread(std::make_shared<io::Mailbox>(),
                                      [] { throw std::runtime_error("a defect"); });
        (void)thread.ended_by(io::now() + kLong);
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 42));
}
