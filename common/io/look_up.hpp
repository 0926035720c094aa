#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"

// Names are looked up here, and libzmq is given addresses alone: it would look names up in the
// thread that serves all its sockets, which would stand still while a name server is slow.
namespace presence::io {

// Hosts as in an Endpoint, none of them a name, IPv4 first: where a machine has both, a server that
// was told to take all of it mostly takes that. None: `failure` says why, for a person.
struct Found {
    std::vector<std::string> hosts;
    std::string failure;
};

// What is known without asking anybody: addresses, "*", and localhost, which is 127.0.0.1 and [::1]
// whatever a machine's files say.
[[nodiscard]] std::optional<Found> known(const std::string& host);
// Asks the system; blocks, for as long as name servers like.
[[nodiscard]] Found ask_system(const std::string& host);

// One look-up, in a thread of its own: names that are slow wait for each other nowhere. A thread
// that still waits is left behind; it holds nothing but its question.
class LookUp {
public:
    using Ask = std::function<Found(const std::string& host)>;
    explicit LookUp(const std::string& host, Ask ask = ask_system);

    // Readable once there is an outcome. -1, which poll(2) passes over, if no file could be opened:
    // then there is an outcome from the start.
    [[nodiscard]] int fd() const;
    // Once.
    [[nodiscard]] std::optional<Found> take();

private:
    struct Mailbox;
    std::shared_ptr<Mailbox> mailbox_;
};

// Looks all of them up at once, and waits for `within` at most. In the order of `hosts`.
[[nodiscard]] std::vector<Found> look_up(const std::vector<std::string>& hosts, Duration within);

// Of endpoints without names the first at which somebody takes a TCP connection, each asked for a
// moment; or the first of all.
[[nodiscard]] std::string reachable(const std::vector<std::string>& endpoints);

}  // namespace presence::io
