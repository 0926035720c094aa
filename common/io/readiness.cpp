#include "common/io/readiness.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <system_error>

namespace presence::io {
namespace {

constexpr std::string_view kReady = "READY=1";
constexpr std::string_view kVariable = "NOTIFY_SOCKET=";
constexpr std::size_t kPathOffset = offsetof(sockaddr_un, sun_path);

int datagram_socket() {
    return ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

[[noreturn]] void fail() {
    throw std::system_error(errno, std::generic_category(),
                            "cannot listen for processes that become ready");
}

// What comes with a datagram: the sender's identity, aligned as the kernel wants it.
struct Credentials {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> bytes{};
};

pid_t sender_of(msghdr& message) {
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_CREDENTIALS) return -1;
    ucred who{};
    std::memcpy(&who, CMSG_DATA(header), sizeof who);
    return who.pid;
}

bool says_ready(std::string_view lines) {
    while (!lines.empty()) {
        const auto line = lines.substr(0, lines.find('\n'));
        if (line == kReady) return true;
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    }
    return false;
}

}  // namespace

void tell_ready() {
    const char* name = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (name == nullptr || name[0] == '\0' || std::strlen(name) >= sizeof address.sun_path) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name, std::strlen(name));
    if (name[0] == '@') address.sun_path[0] = '\0';  // a name in the kernel, not in a directory
    const int fd = datagram_socket();
    if (fd < 0) return;
    (void)::sendto(fd, kReady.data(), kReady.size(), MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(kPathOffset + std::strlen(name)));
    ::close(fd);
}

ReadyListener::ReadyListener() : fd_(datagram_socket()) {
    if (fd_ < 0) fail();
    const int on = 1;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socklen_t size = sizeof address.sun_family;  // no name: the kernel chooses a free one
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::setsockopt(fd_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        ::bind(fd_, any, size) != 0 || (size = sizeof address, ::getsockname(fd_, any, &size)) != 0)
        fail();
    variable_ = std::string(kVariable) + "@" +
                std::string(&address.sun_path[1], static_cast<std::size_t>(size) - kPathOffset - 1);
}

ReadyListener::~ReadyListener() {
    ::close(fd_);
}

std::vector<pid_t> ReadyListener::take() {
    std::vector<pid_t> all;
    while (true) {
        std::array<char, 256> text{};
        Credentials credentials;
        iovec part{text.data(), text.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = credentials.bytes.data();
        message.msg_controllen = credentials.bytes.size();
        const auto size = ::recvmsg(fd_, &message, MSG_CMSG_CLOEXEC);
        if (size < 0) return all;
        const pid_t who = sender_of(message);
        if (who > 0 && says_ready({text.data(), static_cast<std::size_t>(size)}))
            all.push_back(who);
    }
}

}  // namespace presence::io
