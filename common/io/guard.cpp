#include "common/io/guard.hpp"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "common/io/clock.hpp"
#include "common/io/log.hpp"

namespace presence::io {

namespace {

// netinet/tcp.h names it, and has a tcp_info without the bytes received.
constexpr int kEstablished = 1;
constexpr std::size_t kFilesPerLook = 2'000;
// Small messages are many. One that is not looked at costs nothing: the next may be.
constexpr std::size_t kSmallMessage = 1024;
constexpr unsigned kSmallLookedAt = 16;  // a random 1 of 16: peers take turns

int fd_of(const zmq::message_t& message) {
    return zmq_msg_get(message.handle(), ZMQ_SRCFD);  // -1: none
}

struct Address {
    std::uint16_t port = 0;
    std::string text;
};

template <class Call>
std::optional<Address> address_by(Call call, int fd) {
    sockaddr_storage at{};
    socklen_t size = sizeof at;
    if (call(fd, reinterpret_cast<sockaddr*>(&at), &size) != 0) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (at.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(at);
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
        return Address{ntohs(v4.sin_port), text.data()};
    }
    if (at.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(at);
        ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
        return Address{ntohs(v6.sin6_port), std::string("[") + text.data() + "]"};
    }
    return {};
}

std::uint64_t cookie_of(int fd) {
    std::uint64_t cookie = 0;
    socklen_t size = sizeof cookie;
    return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

// That libzmq has read, not only the kernel. Nothing: it is no connection that stands.
std::optional<std::uint64_t> bytes_read_of(int fd) {
    tcp_info info{};
    socklen_t size = sizeof info;
    int unread = 0;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        info.tcpi_state != kEstablished || ::ioctl(fd, FIONREAD, &unread) != 0)
        return {};
    const auto waiting = static_cast<std::uint64_t>(std::max(unread, 0));
    return info.tcpi_bytes_received - std::min<std::uint64_t>(info.tcpi_bytes_received, waiting);
}

std::string_view name_of(Role role) {
    switch (role) {
        case Role::heartbeats_in:
            return "heartbeats";
        case Role::frames_in:
            return "ingest";
        case Role::events_out:
            return "events";
        default:
            return "query";
    }
}

Unfinished::Limits limits_of(Role role) {
    // XPUB tells of the first subscriber of a topic only, so more of what comes is not heard of.
    if (role == Role::events_out)
        return {.bytes_max = 16u << 20, .queue_bytes_max = 16u << 20, .free_bytes = 1024};
    return {.bytes_max = message_bytes_max(role) + (64u << 10),
            .queue_bytes_max = queue_bytes_max(role)};
}

std::uint16_t port_in(const std::string& endpoint) {
    std::uint16_t port = 0;
    const auto colon = endpoint.rfind(':') + 1;
    std::from_chars(endpoint.data() + colon, endpoint.data() + endpoint.size(), port);
    return port;
}

}  // namespace

PeerConnection connection_of(const zmq::message_t& message) {
    const int fd = fd_of(message);
    return fd < 0 ? PeerConnection{} : PeerConnection{cookie_of(fd), fd};
}

void Guard::watch(Role role, const zmq::socket_t& socket) {
    const auto port = port_in(socket.get(zmq::sockopt::last_endpoint));
    if (auto* const known = find(role))
        known->port = port;
    else
        watched_.push_back({role, port, Unfinished(limits_of(role))});
}

Guard::Watched* Guard::find(Role role) {
    const auto at = std::find_if(watched_.begin(), watched_.end(),
                                 [&](const auto& one) { return one.role == role; });
    return at == watched_.end() ? nullptr : &*at;
}

void Guard::on_message(Role role, const zmq::message_t& message) {
    if (message.size() < kSmallMessage && chance_() % kSmallLookedAt != 0) return;
    if (auto* const watched = find(role)) watched->unfinished.on_message(fd_of(message));
}

void Guard::on_empty(Role role) {
    if (auto* const watched = find(role)) watched->unfinished.on_empty();
}

void Guard::turn(Instant now) {
    if (!look_.take(now)) return;
    if (next_ >= files_.size()) list_files();
    const auto some = std::max(kFilesPerLook, files_.size() / 10);
    for (const auto end = std::min(files_.size(), next_ + some); next_ < end; ++next_)
        look_at(files_[next_]);
    any_ = false;
    for (auto& watched : watched_) {
        any_ = any_ || !watched.seen.empty();
        watched.unfinished.look(watched.seen, unwelcome_);
        watched.seen.clear();
        for (const auto& connection : unwelcome_)
            end(watched.role, {connection, "unfinished_message"});
        unwelcome_.clear();
    }
}

void Guard::list_files() {
    files_.clear();
    next_ = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
        const auto name = entry.path().filename().string();
        int fd = -1;
        std::from_chars(name.data(), name.data() + name.size(), fd);
        files_.push_back(fd);
    }
    std::sort(files_.begin(), files_.end());
    for (auto& watched : watched_)
        watched.unfinished.keep(files_);
}

void Guard::look_at(int fd) {
    const auto cookie = cookie_of(fd);
    if (cookie == 0) return;  // a file
    const auto here = address_by(::getsockname, fd);
    if (!here) return;
    for (auto& watched : watched_) {
        if (watched.port != here->port) continue;
        if (const auto bytes = bytes_read_of(fd)) watched.seen.push_back({{cookie, fd}, *bytes});
        return;
    }
}

// Of a descriptor that is another connection's by now nothing is ended. Between the look and the
// call it may become one's: that one connects again.
void Guard::end(Role role, const Unwelcome& unwelcome) {
    const auto& [connection, why] = unwelcome;
    if (connection.fd < 0 || cookie_of(connection.fd) != connection.cookie) return;
    const auto peer = address_by(::getpeername, connection.fd);
    // Whose peer goes on to send hears of it at once, and the kernel keeps nothing of it.
    const linger reset{1, 0};
    ::setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (::shutdown(connection.fd, SHUT_RDWR) != 0) return;
    ++counters_["connections_ended"];
    if (!tell_.take(io::now())) return;
    log::warn("connection_ended",
              {{"socket", name_of(role)},
               {"why", why},
               {"peer", peer ? peer->text + ":" + std::to_string(peer->port) : "unknown"},
               {"more", tell_.take_left_out()}});
}

}  // namespace presence::io
