#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "common/config.hpp"
#include "common/io/flags.hpp"
#include "common/io/sockets.hpp"
#include "common/query.hpp"

namespace presence::cli {

// Nobody answered, or what came was a refusal; says what to do. Exit code 69.
struct NoAnswer : io::SocketError {
    using io::SocketError::SocketError;
};

// Where to ask, as the flags of every asking command give it.
struct AskFlags {
    std::optional<std::string> file;
    std::optional<std::string> to;  // one tracker's query endpoint
    std::optional<Duration> within;

    void add_to(io::Flags& flags);
    // Query endpoints to start from. Throws ConfigError.
    [[nodiscard]] std::vector<std::string> endpoints() const;
    [[nodiscard]] Duration deadline() const { return within.value_or(2s); }
};

// Asks trackers, one question at a time.
class Asker {
public:
    Asker(zmq::context_t& context, Duration within) : context_(&context), within_(within) {}

    // Throws NoAnswer after `within`, and for an answer that is an error.
    [[nodiscard]] Answer ask(const std::string& endpoint, const Query& query);
    // All trackers and their slots, from the first of `endpoints` that answers.
    [[nodiscard]] MapAnswer map(const std::vector<std::string>& endpoints);

private:
    struct Link {
        std::string endpoint;
        zmq::socket_t socket;
    };
    zmq::socket_t& link(const std::string& endpoint);

    zmq::context_t* context_;
    Duration within_;
    std::uint64_t rid_ = 0;
    std::vector<std::unique_ptr<Link>> links_;
};

// On stderr, what an answer that is not `live` means; once for each kind.
void tell_freshness(const Answer& answer, const std::string& tracker);

}  // namespace presence::cli
