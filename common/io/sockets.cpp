#include "common/io/sockets.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <random>

#include "common/limits.hpp"

namespace presence::io {
namespace {

constexpr rlim_t kFilesMax = 1'048'576;  // where "unlimited" would make tables of a billion entries
constexpr int kSocketsMax = 4096;
constexpr int kSlack = 64 * 1024;  // above a message's own bound, for what surrounds it
// A subscription to one user's topic, or the greeting of a peer with the longest routing id.
// libzmq keeps subscriptions as a tree of their bytes, at 30 times their length.
constexpr std::size_t kSubscriptionBytesMax = 512;
static_assert(kSubscriptionBytesMax > 1 + sizeof("user/") + kUserBytesMax + 255);

struct Recipe {
    zmq::socket_type type;
    bool bind;
    const char* purpose;       // for error messages: its key in the configuration
    int receive_messages_max;  // RCVHWM, per peer
    int send_messages_max;     // SNDHWM, per peer
    std::size_t message_bytes_max;
    int linger_ms;
    bool immediate;    // queue only to a peer that is there
    bool zmq_pings;    // notice a peer that is stopped or cut off
    bool fixed_peers;  // a peer that comes again under its routing id replaces itself
};

Recipe recipe_of(Role role) {
    using zmq::socket_type;
    constexpr auto none = static_cast<std::size_t>(kSlack);
    switch (role) {
        case Role::heartbeats_in:
            // Twice the contract's bound, so that a message a little too large is counted and
            // only a huge one costs its connection.
            return {socket_type::pull,
                    true,
                    "heartbeats",
                    1000,
                    1000,
                    2 * kHeartbeatMessageBytesMax,
                    0,
                    false,
                    false,
                    false};
        case Role::heartbeats_out:
            return {
                socket_type::push, false, "heartbeats", 1000, 1000, none, 1000, true, true, false};
        case Role::frames_out:
            // A stopped tracker: at most 1000 frames wait here, which the router holds anyway
            // (shared, until acknowledged); then a send fails and is resent later.
            return {
                socket_type::dealer, false, "ingest", 100'000, 1000, none, 500, true, true, false};
        case Role::frames_in:
            return {socket_type::router,     true, "ingest", 1000,  1000,
                    kFrameBytesMax + kSlack, 500,  false,    false, true};
        case Role::events_out:
            // Few subscriptions wait: libzmq reads them for as long as more have come, and a
            // flood with room for many would not let it return to us.
            return {socket_type::xpub,     true, "events", 16,    10'000,
                    kSubscriptionBytesMax, 500,  false,    false, false};
        case Role::events_in:
            // Unbounded both ways inside libzmq: the reader always drains into a bounded queue,
            // and more than SNDHWM subscriptions would silently not be renewed after a reconnect.
            return {socket_type::sub,        false, "events", 0,     0,
                    kBatchBytesMax + kSlack, 0,     false,    false, false};
        case Role::queries_in:
            return {socket_type::router,     true, "query", 100,   100,
                    kQueryBytesMax + kSlack, 500,  false,   false, true};
        case Role::queries_out:
            return {socket_type::dealer,      false, "query", 1000, 1000,
                    kAnswerBytesMax + kSlack, 0,     false,   true, false};
    }
    return {};
}

// Random, so that a thousand clients of one restarted process do not come back in step.
int random_ms(int low, int high) {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_int_distribution<int>(low, high)(generator);
}

void configure(zmq::socket_t& socket, Role role, const Recipe& recipe,
               const std::string& endpoint) {
    namespace opt = zmq::sockopt;
    socket.set(opt::rcvhwm, recipe.receive_messages_max);
    socket.set(opt::sndhwm, recipe.send_messages_max);
    socket.set(opt::maxmsgsize, static_cast<std::int64_t>(recipe.message_bytes_max));
    socket.set(opt::linger, recipe.linger_ms);
    socket.set(opt::tcp_keepalive, 1);
    socket.set(opt::tcp_keepalive_idle, 15);
    socket.set(opt::tcp_keepalive_intvl, 5);
    socket.set(opt::tcp_keepalive_cnt, 3);
    socket.set(opt::ipv6, endpoint.find('[') != std::string::npos);
    if (recipe.fixed_peers) socket.set(opt::router_handover, true);
    if (recipe.bind) {
        socket.set(opt::backlog, 1024);
        return;
    }
    const bool edge = role == Role::heartbeats_out;
    socket.set(opt::immediate, recipe.immediate);
    socket.set(opt::connect_timeout, 3000);
    socket.set(opt::reconnect_ivl, edge ? random_ms(200, 1000) : random_ms(100, 300));
    socket.set(opt::reconnect_ivl_max, edge ? 10'000 : 1000);
    if (recipe.zmq_pings) {
        socket.set(opt::heartbeat_ivl, 500);
        socket.set(opt::heartbeat_timeout, 2000);
        socket.set(opt::heartbeat_ttl, 3000);
    }
}

bool send(zmq::socket_t& socket, zmq::message_t message) {
    for (;;)
        try {
            return socket.send(message, zmq::send_flags::dontwait).has_value();
        } catch (const zmq::error_t& error) {
            if (error.num() != EINTR) throw;
        }
}

void raise_file_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = std::min(limit.rlim_max, kFilesMax);
    if (wanted <= limit.rlim_cur) return;
    limit.rlim_cur = wanted;
    ::setrlimit(RLIMIT_NOFILE, &limit);  // the soft limit goes on where this is refused
}

}  // namespace

zmq::context_t make_context() {
    raise_file_limit();
    zmq::context_t context(1);
    context.set(zmq::ctxopt::blocky, false);
    context.set(zmq::ctxopt::max_sockets, kSocketsMax);
    return context;
}

zmq::socket_t make_socket(zmq::context_t& context, Role role, const std::string& endpoint,
                          const std::string& routing_id) {
    const Recipe recipe = recipe_of(role);
    try {
        zmq::socket_t socket(context, recipe.type);
        configure(socket, role, recipe, endpoint);
        if (!routing_id.empty()) socket.set(zmq::sockopt::routing_id, routing_id);
        if (recipe.bind)
            socket.bind(endpoint);
        else
            socket.connect(endpoint);
        return socket;
    } catch (const zmq::error_t& e) {
        throw SocketError(
            std::string("cannot ") + (recipe.bind ? "bind " : "connect to ") + endpoint + " for " +
            recipe.purpose + ": " + e.what() +
            (e.num() == EADDRINUSE ? "; another pipeline here? `ss -ltnp` tells" : ""));
    }
}

std::size_t message_bytes_max(Role role) {
    return recipe_of(role).message_bytes_max;
}

std::size_t queue_bytes_max(Role role) {
    const auto recipe = recipe_of(role);
    return recipe.message_bytes_max * static_cast<std::size_t>(recipe.receive_messages_max);
}

bool receive(zmq::socket_t& socket, zmq::message_t& into) {
    for (;;)
        try {
            return socket.recv(into, zmq::recv_flags::dontwait).has_value();
        } catch (const zmq::error_t& error) {
            if (error.num() != EINTR) throw;
        }
}

bool send(zmq::socket_t& socket, std::string_view bytes) {
    return send(socket, zmq::message_t(bytes));
}

bool send(zmq::socket_t& socket, const std::shared_ptr<const std::string>& bytes) {
    using Shared = std::shared_ptr<const std::string>;
    // libzmq only reads what it is given to send.
    return send(socket, zmq::message_t(
                            const_cast<char*>(bytes->data()), bytes->size(),
                            [](void*, void* shared) { delete static_cast<Shared*>(shared); },
                            new Shared(bytes)));
}

void poll(std::span<zmq::pollitem_t> items, Duration at_most) {
    const auto timeout =
        std::chrono::ceil<std::chrono::milliseconds>(std::max(at_most, Duration{0}));
    try {
        zmq::poll(items.data(), items.size(), timeout);
    } catch (const zmq::error_t& error) {
        if (error.num() != EINTR) throw;
    }
}

}  // namespace presence::io
