#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/io/readiness.hpp"

using namespace presence::io;

namespace {

// NOTIFY_SOCKET as a child of the listener's has it.
class Told {
public:
    explicit Told(const std::string& variable) {
        const auto equals = variable.find('=');
        REQUIRE(variable.substr(0, equals) == "NOTIFY_SOCKET");
        ::setenv("NOTIFY_SOCKET", variable.substr(equals + 1).c_str(), 1);
    }
    ~Told() { ::unsetenv("NOTIFY_SOCKET"); }
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;
};

void say(const std::string& name, const std::string& text) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(&address.sun_path[1], name.data(), name.size());
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
    const auto size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
    (void)::sendto(fd, text.data(), text.size(), MSG_DONTWAIT,
                   reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
    ::close(fd);
}

}  // namespace

TEST_CASE("who tells that it is ready is known by its pid, once", "[io][readiness]") {
    ReadyListener listener;
    const Told told(listener.variable());
    CHECK(listener.take().empty());
    tell_ready();
    CHECK(listener.take() == std::vector<pid_t>{::getpid()});
    CHECK(listener.take().empty());
}

TEST_CASE("of what else is told, only a line READY=1 counts", "[io][readiness]") {
    ReadyListener listener;
    const auto name = listener.variable().substr(std::string("NOTIFY_SOCKET=@").size());
    for (const std::string text : {"", "READY=0", "STATUS=READY=1", "READY=1x", "\n\n"})
        say(name, text);
    say(name, std::string(100'000, 'x'));
    CHECK(listener.take().empty());
    say(name, "STATUS=fine\nREADY=1\nMAINPID=1");
    CHECK(listener.take().size() == 1);
}

TEST_CASE("telling nobody, or a listener that is gone, does nothing", "[io][readiness]") {
    tell_ready();
    std::string variable;
    {
        ReadyListener listener;
        variable = listener.variable();
    }
    const Told gone(variable);
    tell_ready();
    const Told too_long("NOTIFY_SOCKET=@" + std::string(500, 'x'));
    tell_ready();
}
