#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "common/config/redis_url.hpp"
#include "common/time.hpp"
#include "notifier/sinks/fd.hpp"
#include "notifier/sinks/interrupt.hpp"
#include "notifier/sinks/redis/resp.hpp"

namespace presence::notifier {

// A connection to a Redis server, one command at a time. It waits for connecting, and for each
// answer, for `timeout` at most, and only where its interrupt is seen. After any failure it is
// good for nothing.
class RedisConnection {
public:
    // Connects. Throws SinkFailure.
    RedisConnection(const RedisUrl& url, Duration timeout, const Interrupt& interrupt);

    // What the server answers, which may be an error. Throws SinkFailure if it does not.
    [[nodiscard]] Reply call(std::string_view command);
    [[nodiscard]] Reply call(std::initializer_list<std::string_view> words);

    // Readable when it was closed, as nothing comes unasked.
    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] bool closed() const;

private:
    void connect_to(const RedisUrl& url);
    [[nodiscard]] int try_to_connect(int family, const void* address, unsigned size);
    void wait(short events, Instant until, const char* doing) const;

    std::string origin_;
    Duration timeout_;
    const Interrupt* interrupt_;
    Fd fd_;
    ReplyReader reader_;
};

}  // namespace presence::notifier
