#include "common/io/look_up.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "common/config/address.hpp"
#include "common/config/config.hpp"
#include "common/config/endpoint.hpp"
#include "common/io/clock.hpp"
#include "common/io/fd.hpp"

namespace presence::io {
namespace {

constexpr Duration kReachWithin = 300ms;

// Empty for a family that is none of ours, and for an address that means something only together
// with a network interface.
std::string host_of(const sockaddr& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.sa_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        return ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    }
    if (address.sa_family != AF_INET6) return {};
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (v6.sin6_scope_id != 0) return {};
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    return std::string("[") + text.data() + "]";
}

// True if a connection is made within the time.
bool takes_connections(const std::string& host, int port) {
    const auto bytes = parse_address(host);
    sockaddr_storage address{};
    socklen_t size = 0;
    if (bytes.size() == 4) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(address);
        v4.sin_port = htons(static_cast<std::uint16_t>(port));
        std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
        address.ss_family = AF_INET;
        size = sizeof v4;
    } else if (bytes.size() == 16) {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
        v6.sin6_port = htons(static_cast<std::uint16_t>(port));
        std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
        address.ss_family = AF_INET6;
        size = sizeof v6;
    }
    const Fd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return false;
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return true;
    if (errno != EINPROGRESS) return false;
    pollfd wait{fd.get(), POLLOUT, 0};
    if (::poll(&wait, 1, static_cast<int>(kReachWithin / 1ms)) != 1) return false;
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

}  // namespace

std::optional<Found> known(const std::string& host) {
    if (Endpoint{host, 0}.localhost()) return Found{{"127.0.0.1", "[::1]"}, {}};
    if (host == "*" || !parse_address(host).empty()) return Found{{host}, {}};
    return std::nullopt;
}

Found ask_system(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* all = nullptr;
    if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &all); error != 0)
        return {{}, error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error)};
    Found found;
    for (const addrinfo* one = all; one != nullptr; one = one->ai_next) {
        auto text = host_of(*one->ai_addr);
        if (text.empty()) continue;
        if (std::find(found.hosts.begin(), found.hosts.end(), text) == found.hosts.end())
            found.hosts.push_back(std::move(text));
    }
    ::freeaddrinfo(all);
    std::stable_partition(found.hosts.begin(), found.hosts.end(),
                          [](const std::string& text) { return text.front() != '['; });
    if (found.hosts.empty()) found.failure = "it has no address that can be used here";
    return found;
}

struct LookUp::Mailbox {
    Fd news{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    const int error = news ? 0 : errno;
    std::mutex mutex;
    std::optional<Found> found;

    void put(Found outcome) {
        const std::lock_guard lock(mutex);
        found = std::move(outcome);
        (void)::eventfd_write(news.get(), 1);
    }
};

LookUp::LookUp(const std::string& host, Ask ask) : mailbox_(std::make_shared<Mailbox>()) {
    try {
        if (auto found = known(host)) {
            mailbox_->put(*std::move(found));
            return;
        }
        // A thread could not tell anybody that it is done.
        if (mailbox_->error != 0) {
            mailbox_->put(
                {{}, std::string("no file to wait for it: ") + std::strerror(mailbox_->error)});
            return;
        }
        std::thread([mailbox = mailbox_, host, ask = std::move(ask)] {
            mailbox->put(ask(host));
        }).detach();
    } catch (const std::system_error& error) {
        mailbox_->put({{}, std::string("no thread to look it up: ") + error.what()});
    }
}

int LookUp::fd() const {
    return mailbox_->news.get();
}

std::optional<Found> LookUp::take() {
    const std::lock_guard lock(mailbox_->mutex);
    return std::exchange(mailbox_->found, std::nullopt);
}

std::vector<Found> look_up(const std::vector<std::string>& hosts, Duration within) {
    std::vector<LookUp> under_way;
    for (const auto& host : hosts)
        under_way.emplace_back(host);
    const Instant deadline = now() + within;
    std::vector<Found> all;
    for (auto& one : under_way) {
        auto found = one.take();
        for (Duration left = deadline - now(); !found && left > Duration{0};
             left = deadline - now()) {
            pollfd news{one.fd(), POLLIN, 0};
            (void)::poll(&news, 1, static_cast<int>(left / 1ms) + 1);
            found = one.take();
        }
        all.push_back(found
                          ? *std::move(found)
                          : Found{{}, "no name server answered within " + format_duration(within)});
    }
    return all;
}

std::string reachable(const std::vector<std::string>& endpoints) {
    if (endpoints.size() > 1)
        for (const auto& endpoint : endpoints) {
            Endpoint parsed;
            if (parse_endpoint(endpoint, parsed).empty() &&
                takes_connections(parsed.host, parsed.port))
                return endpoint;
        }
    return endpoints.front();
}

}  // namespace presence::io
