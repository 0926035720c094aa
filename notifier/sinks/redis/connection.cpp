#include "notifier/sinks/redis/connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "common/config/address.hpp"
#include "common/io/clock.hpp"
#include "common/io/look_up.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

std::string why(int error) {
    return std::error_code(error, std::generic_category()).message();
}

// What the host comes to; a thread of its own asks, which may be left behind.
std::vector<std::string> addresses_of(const RedisUrl& url, const Interrupt& interrupt,
                                      Instant until) {
    if (!parse_address(url.host).empty()) return {url.host};
    io::LookUp look_up(url.host);
    (void)interrupt.wait(look_up.fd(), POLLIN, until);
    const auto found = look_up.take();
    if (!found || found->hosts.empty())
        throw SinkFailure("cannot connect to " + url.origin + ": " +
                          (found ? found->failure : "its name is not found in time"));
    return found->hosts;
}

}  // namespace

RedisConnection::RedisConnection(const RedisUrl& url, Duration timeout, const Interrupt& interrupt)
    : origin_(url.origin), timeout_(timeout), interrupt_(&interrupt) {
    connect_to(url);
}

void RedisConnection::connect_to(const RedisUrl& url) {
    int error = 0;
    if (!url.path.empty()) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (url.path.size() >= sizeof address.sun_path)
            throw SinkFailure("cannot connect to " + origin_ + ": the path is too long");
        std::memcpy(address.sun_path, url.path.c_str(), url.path.size() + 1);
        error = try_to_connect(AF_UNIX, &address, sizeof address);
    } else {
        for (const auto& host : addresses_of(url, *interrupt_, io::now() + timeout_)) {
            const auto bytes = parse_address(host);
            const auto port = htons(static_cast<std::uint16_t>(url.port));
            if (bytes.size() == 4) {
                sockaddr_in address{};
                address.sin_family = AF_INET;
                address.sin_port = port;
                std::memcpy(&address.sin_addr, bytes.data(), 4);
                error = try_to_connect(AF_INET, &address, sizeof address);
            } else {
                sockaddr_in6 address{};
                address.sin6_family = AF_INET6;
                address.sin6_port = port;
                std::memcpy(&address.sin6_addr, bytes.data(), bytes.size());
                error = try_to_connect(AF_INET6, &address, sizeof address);
            }
            if (error == 0) break;
        }
    }
    if (error != 0) throw SinkFailure("cannot connect to " + origin_ + ": " + why(error));
}

// Returns 0 or the errno.
int RedisConnection::try_to_connect(int family, const void* address, unsigned size) {
    fd_.reset(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_) return errno;
    if (family != AF_UNIX) {
        const int on = 1;
        (void)::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    if (::connect(fd_.get(), static_cast<const sockaddr*>(address), size) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    const auto woken = interrupt_->wait(fd_.get(), POLLOUT, io::now() + timeout_);
    if (woken == Interrupt::Woken::stopped)
        throw SinkFailure("stopped while connecting to " + origin_);
    if (woken == Interrupt::Woken::timeout) return ETIMEDOUT;
    int error = 0;
    socklen_t length = sizeof error;
    ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
}

void RedisConnection::wait(short events, Instant until, const char* doing) const {
    switch (interrupt_->wait(fd_.get(), events, until)) {
        case Interrupt::Woken::ready:
            return;
        case Interrupt::Woken::timeout:
            throw SinkFailure(origin_ + " did not answer in time");
        case Interrupt::Woken::stopped:
            throw SinkFailure(std::string("stopped while ") + doing + " " + origin_);
    }
}

Reply RedisConnection::call(std::initializer_list<std::string_view> words) {
    std::string command;
    append_command(command, {words.begin(), words.size()});
    return call(command);
}

Reply RedisConnection::call(std::string_view command) {
    const auto until = io::now() + timeout_;
    while (!command.empty()) {
        const auto sent = ::send(fd_.get(), command.data(), command.size(), MSG_NOSIGNAL);
        if (sent >= 0)
            command.remove_prefix(static_cast<std::size_t>(sent));
        else if (errno == EAGAIN)
            wait(POLLOUT, until, "writing to");
        else if (errno != EINTR)
            throw SinkFailure("cannot write to " + origin_ + ": " + why(errno));
    }
    std::array<char, kReadBytes> bytes;
    for (;;) {
        try {
            if (auto reply = reader_.next()) return std::move(*reply);
        } catch (const BadReply& bad) {
            throw SinkFailure(origin_ + " gave " + bad.what());
        }
        wait(POLLIN, until, "reading from");
        const auto got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
        if (got > 0)
            reader_.feed({bytes.data(), static_cast<std::size_t>(got)});
        else if (got == 0)
            throw SinkFailure(origin_ + " closed the connection");
        else if (errno != EAGAIN && errno != EINTR)
            throw SinkFailure("cannot read from " + origin_ + ": " + why(errno));
    }
}

bool RedisConnection::closed() const {
    char byte = 0;
    const auto got = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

}  // namespace presence::notifier
