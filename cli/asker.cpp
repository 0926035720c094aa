#include "cli/asker.hpp"

#include <algorithm>

#include "cli/human.hpp"
#include "common/io/clock.hpp"

namespace presence::cli {
namespace {

std::string refusal_of(const QueryError& error) {
    return "refused: " + error.message + " (" + error.code +
           (error.endpoint.empty() ? "" : ", ask " + error.endpoint) + ")";
}

}  // namespace

void Asker::link(const std::vector<Question>& questions) {
    std::vector<std::string> endpoints;
    for (const auto& question : questions)
        if (const auto link = links_.find(question.endpoint);
            link == links_.end() || !link->second.socket)
            endpoints.push_back(question.endpoint);
    auto made = io::make_sockets(*context_, io::Role::queries_out, endpoints, within_);
    for (std::size_t i = 0; i < endpoints.size(); ++i)
        links_.insert_or_assign(endpoints[i], std::move(made[i]));
}

void Asker::send(Asked& asked, Query query) {
    asked.rid = ++rid_;
    query.rid = asked.rid;
    const std::string question = encode_query(query);
    // One that has no room for it has not answered for long: the deadline tells.
    (void)asked.socket->send(zmq::buffer(question), zmq::send_flags::dontwait);
    asked.deadline = io::now() + within_;
}

std::optional<Answer> Asker::receive(Asked& asked) const {
    zmq::message_t message;
    while (asked.socket->recv(message, zmq::recv_flags::dontwait)) {
        if (message.more()) continue;  // the body is the last frame
        auto answer = decode_answer({message.data<char>(), message.size()});
        if (answer && answer->rid == asked.rid) return answer;
    }
    return {};
}

void Asker::wait(const std::vector<Asked>& all, Instant now) {
    std::vector<zmq::pollitem_t> items;
    Instant first = Instant::max();
    for (const auto& asked : all) {
        if (asked.done) continue;
        items.push_back({asked.socket->handle(), 0, ZMQ_POLLIN, 0});
        first = std::min(first, asked.deadline);
    }
    const auto left = std::max<Duration>(first - now, 0s);
    zmq::poll(items, std::chrono::ceil<std::chrono::milliseconds>(left));
}

std::vector<std::string> Asker::ask_all(const std::vector<Question>& questions,
                                        const OnAnswer& on_answer) {
    std::vector<std::string> faults(questions.size());
    std::vector<Asked> all;
    link(questions);
    for (std::size_t i = 0; i < questions.size(); ++i) {
        auto& [socket, failure] = links_.at(questions[i].endpoint);
        faults[i] = failure;
        all.push_back({socket ? &*socket : nullptr, {}, 0, !socket});
        if (socket) send(all.back(), questions[i].query);
    }
    const auto waiting = [&] {
        return std::any_of(all.begin(), all.end(), [](const Asked& asked) { return !asked.done; });
    };
    while (waiting()) {
        // Of before the wait: what on_answer takes long for is nobody's silence.
        const Instant now = io::now();
        wait(all, now);
        for (std::size_t i = 0; i < all.size(); ++i) {
            Asked& asked = all[i];
            if (asked.done) continue;
            if (auto answer = receive(asked)) {
                if (const auto* error = std::get_if<QueryError>(&answer->body)) {
                    faults[i] = refusal_of(*error);
                    asked.done = true;
                } else if (auto next = on_answer(i, *std::move(answer))) {
                    send(asked, *std::move(next));
                } else {
                    asked.done = true;
                }
            } else if (asked.deadline <= now) {
                faults[i] = "no answer within " + for_people(within_);
                asked.done = true;
            }
        }
    }
    return faults;
}

Answer Asker::ask(const std::string& endpoint, const Query& query) {
    std::optional<Answer> answer;
    const auto faults = ask_all({{endpoint, query}}, [&](std::size_t, Answer got) {
        answer = std::move(got);
        return std::optional<Query>();
    });
    if (!answer) throw NoAnswer(endpoint + ": " + faults.front());
    return *std::move(answer);
}

}  // namespace presence::cli
