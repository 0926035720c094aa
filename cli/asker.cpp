#include "cli/asker.hpp"

#include <iostream>
#include <set>

#include "common/endpoint.hpp"
#include "common/io/clock.hpp"
#include "common/io/program.hpp"

namespace presence::cli {

void AskFlags::add_to(io::Flags& flags) {
    flags.text("--config", "FILE", file, "where the trackers are; without it: on this machine");
    flags.text("--to", "ENDPOINT", to, "ask this tracker first (default tcp://127.0.0.1:7412)");
    flags.duration("--within", within, "how long to wait for an answer (default 2s)");
}

std::vector<std::string> AskFlags::endpoints() const {
    if (to) {
        Endpoint parsed;
        if (const auto fault = parse_endpoint(*to, parsed); !fault.empty())
            throw io::UsageError("--to `" + *to + "`: " + fault);
        return {*to};
    }
    std::vector<std::string> all;
    for (const auto& tracker : load_config(file, io::environment(), {}).trackers)
        all.push_back(tracker.query);
    return all;
}

zmq::socket_t& Asker::link(const std::string& endpoint) {
    for (const auto& l : links_)
        if (l->endpoint == endpoint) return l->socket;
    links_.push_back(std::make_unique<Link>(
        Link{endpoint, io::make_socket(*context_, io::Role::queries_out, endpoint)}));
    return links_.back()->socket;
}

Answer Asker::ask(const std::string& endpoint, const Query& query) {
    zmq::socket_t& socket = link(endpoint);
    Query numbered = query;
    numbered.rid = ++rid_;
    const std::string question = encode_query(numbered);
    (void)socket.send(zmq::buffer(question), zmq::send_flags::dontwait);
    const Instant deadline = io::now() + within_;
    for (Duration left = within_; left > 0s; left = deadline - io::now()) {
        zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
        zmq::poll(&item, 1, std::chrono::ceil<std::chrono::milliseconds>(left));
        zmq::message_t message;
        while (socket.recv(message, zmq::recv_flags::dontwait)) {
            if (message.more()) continue;  // the body is the last frame
            auto answer = decode_answer({message.data<char>(), message.size()});
            if (!answer || answer->rid != numbered.rid) continue;
            if (const auto* error = std::get_if<QueryError>(&answer->body))
                throw NoAnswer(endpoint + " refused: " + error->message + " (" + error->code +
                               (error->endpoint.empty() ? "" : ", ask " + error->endpoint) + ")");
            return *std::move(answer);
        }
    }
    throw NoAnswer("no answer from " + endpoint + " within " + format_duration(within_) +
                   "; is the tracker running? try `presence up`");
}

MapAnswer Asker::map(const std::vector<std::string>& endpoints) {
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        try {
            auto answer = ask(endpoints[i], {MapQuery{}, {}});
            if (auto* map = std::get_if<MapAnswer>(&answer.body)) return std::move(*map);
        } catch (const io::SocketError&) {  // no answer, or a name that nobody knows
            if (i + 1 == endpoints.size()) throw;
        }
    }
    throw NoAnswer("no tracker told who owns which users");
}

void tell_freshness(Freshness freshness, const std::string& tracker) {
    static std::set<Freshness> told;
    if (freshness == Freshness::live || !told.insert(freshness).second) return;
    const std::string meaning =
        freshness == Freshness::warming
            ? "it has not heard everyone yet; who is not online may only be unknown"
        : freshness == Freshness::frozen
            ? "a collector is missing, so nobody is told offline until it is back or given up"
            : "some collectors were given up; the state may be older than it seems";
    std::cerr << "presence: tracker " << tracker << " is " << name_of(freshness) << ": " << meaning
              << "\n";
}

}  // namespace presence::cli
