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

namespace {

std::string meaning_of(Freshness freshness) {
    if (freshness == Freshness::warming)
        return "it has not heard everyone yet; who is not online may only be unknown";
    if (freshness == Freshness::frozen)
        return "a collector is missing, so nobody is told offline until it is back or given up";
    return "what it knows may be older than it seems";
}

// Of one of an answer's `stale_by`.
std::string meaning_of(const std::string& reason) {
    if (reason == "disk")
        return "its disk cannot be written, so nobody is told anything until it can";
    if (reason == "freeze_max")
        return "evidence was missing for longer than freeze_max, so timeouts go on without, and "
               "may be wrong";
    if (reason == "lifts")
        return "heartbeats were lost too often within the hour, so timeouts may be wrong";
    return reason;
}

}  // namespace

void tell_freshness(const Answer& answer, const std::string& tracker) {
    static std::set<std::string> told;
    if (answer.freshness == Freshness::live) return;
    std::vector<std::string> meanings;
    for (const auto& reason : answer.stale_by)
        meanings.push_back(meaning_of(reason));
    if (meanings.empty()) meanings.push_back(meaning_of(answer.freshness));
    for (const auto& meaning : meanings)
        if (told.insert(meaning).second)
            std::cerr << "presence: tracker " << tracker << " is " << name_of(answer.freshness)
                      << ": " << meaning << "\n";
}

}  // namespace presence::cli
