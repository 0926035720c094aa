#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/config/nats_place.hpp"
#include "common/time.hpp"
#include "notifier/sinks/interrupt.hpp"

namespace presence::notifier {

// A connection to a NATS server by nats.c, which neither connects anew nor keeps anything for
// later: once it is closed it is good for nothing. It waits only where its interrupt is seen:
// looking up and connecting are done in a thread that may be left behind, and no other call waits
// for a second.
//
// All but the constructor throw SinkFailure, of the place's fault.
class NatsConnection {
public:
    // Written bytes that the server does not read for so long end the connection.
    static constexpr Duration kWriteMax = 800ms;

    struct Options {
        NatsUrl url;
        std::string name;  // of this client, in the server's lists
        std::string user;  // empty: `password` is a token, if there is one
        std::string password;
        std::string ca_file;  // in place of the system's
        Duration timeout{};   // of connecting, and of each answer
    };
    // Connects. Throws SinkFailure.
    NatsConnection(Options options, const Interrupt& interrupt);
    ~NatsConnection();
    NatsConnection(NatsConnection&&) noexcept;
    NatsConnection& operator=(NatsConnection&&) = delete;

    [[nodiscard]] bool closed() const;
    // Of a message with its headers; what is longer would end the connection.
    [[nodiscard]] std::size_t bytes_max() const;

    void publish(const std::string& subject, const std::string& payload);
    // All that was published before was taken by the server.
    void flush();

    // Published with an id, by which a stream drops what it has (empty: with none), and answered
    // under `number`.
    void ask(const std::string& subject, const std::string& payload, const std::string& id,
             std::uint64_t number);
    struct Answer {
        std::uint64_t number = 0;
        std::string payload;
    };
    // Waits for one until then. Nothing: nobody is there who would answer.
    [[nodiscard]] std::optional<Answer> answer(Instant until);

private:
    struct Dial;
    struct Handles;
    void open_inbox();
    void check_not_stopped(const char* doing) const;
    [[noreturn]] void fail(const std::string& doing, int status) const;
    void fail_if_refused() const;

    Options options_;
    const Interrupt* interrupt_;
    std::unique_ptr<Handles> handles_;
    std::string inbox_;  // what answers begin with; empty: none was asked for
};

}  // namespace presence::notifier
