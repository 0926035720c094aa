#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "common/io/sockets.hpp"
#include "common/time.hpp"
#include "common/wire/query.hpp"

namespace presence::cli {

// Nobody answered, or what came was a refusal; says what to do. Exit code 69.
struct NoAnswer : io::SocketError {
    using io::SocketError::SocketError;
};

// Asks trackers: each on its own, or all of them at once.
class Asker {
public:
    Asker(zmq::context_t& context, Duration within) : context_(&context), within_(within) {}

    struct Question {
        std::string endpoint;
        Query query;
    };
    // Told the answer to the question of this index; what to ask the same tracker next, or nothing.
    using OnAnswer = std::function<std::optional<Query>(std::size_t, Answer)>;
    // Asks all at once, and each on until `on_answer` has nothing more to ask it. Waits for the
    // silent ones together: none for longer than `within` after its question, which waits as long
    // at most for names to be looked up. Returns why a tracker did not answer to the end, by index;
    // empty where it did.
    [[nodiscard]] std::vector<std::string> ask_all(const std::vector<Question>& questions,
                                                   const OnAnswer& on_answer);

    // Throws NoAnswer after `within`, and for an answer that is an error.
    [[nodiscard]] Answer ask(const std::string& endpoint, const Query& query);

private:
    // One that is asked in ask_all().
    struct Asked {
        zmq::socket_t* socket;  // none: its name cannot be resolved
        Instant deadline;
        std::uint64_t rid;
        bool done = false;
    };
    void link(const std::vector<Question>& questions);
    void send(Asked& asked, Query query);
    [[nodiscard]] std::optional<Answer> receive(Asked& asked) const;
    // Until one of them may have answered, or the first deadline.
    static void wait(const std::vector<Asked>& all, Instant now);

    zmq::context_t* context_;
    Duration within_;
    std::uint64_t rid_ = 0;
    std::map<std::string, io::MaybeSocket> links_;  // by endpoint
};

}  // namespace presence::cli
