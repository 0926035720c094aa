#include "common/io/sockets.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <random>

#include "common/config/endpoint.hpp"
#include "common/io/look_up.hpp"
#include "common/limits.hpp"

namespace presence::io {
namespace {

constexpr rlim_t kFilesMax = 1'048'576;  // where "unlimited" would make tables of a billion entries
constexpr int kSocketsMax = 4096;
constexpr int kSlack = 64 * 1024;  // above a message's own bound, for what surrounds it
// A subscription to one user's topic, or the greeting of a peer with the longest routing id.
// libzmq keeps subscriptions as a tree of their bytes, at 30 times their length.
constexpr std::size_t kSubscriptionBytesMax = 512;
constexpr std::size_t kProbeBytesMax = 64;
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

// A process that starts may wait for a name server that does, a person for less.
constexpr Duration kBindLookUp = 10s;
constexpr Duration kConnectLookUp = 2s;

// As a bit, where there are two: the second serves those whom strangers reach. Probes tell how it
// fares.
std::uint64_t thread_of(Role role) {
    switch (role) {
        case Role::heartbeats_in:
        case Role::events_out:
        case Role::queries_in:
        case Role::probes_in:
        case Role::probes_out:
            return 2;
        default:
            return 1;
    }
}

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
        case Role::probes_in:
            return {socket_type::pull, true, "probes", 100,   100,
                    kProbeBytesMax,    0,    false,    false, false};
        case Role::probes_out:
            return {socket_type::push, false, "probes", 100, 100, none, 0, false, false, false};
    }
    return {};
}

// Random, so that a thousand clients of one restarted process do not come back in step.
int random_ms(int low, int high) {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_int_distribution<int>(low, high)(generator);
}

void configure(zmq::socket_t& socket, Role role, const Recipe& recipe) {
    namespace opt = zmq::sockopt;
    socket.set(opt::rcvhwm, recipe.receive_messages_max);
    socket.set(opt::sndhwm, recipe.send_messages_max);
    socket.set(opt::maxmsgsize, static_cast<std::int64_t>(recipe.message_bytes_max));
    socket.set(opt::linger, recipe.linger_ms);
    socket.set(opt::tcp_keepalive, 1);
    socket.set(opt::tcp_keepalive_idle, 15);
    socket.set(opt::tcp_keepalive_intvl, 5);
    socket.set(opt::tcp_keepalive_cnt, 3);
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

SocketError failure(const Recipe& recipe, const std::string& endpoint, const std::string& why) {
    return SocketError(std::string("cannot ") + (recipe.bind ? "bind " : "connect to ") + endpoint +
                       " for " + recipe.purpose + ": " + why);
}

void bind(zmq::socket_t& socket, const Recipe& recipe, const std::vector<std::string>& addresses) {
    bool bound = false;
    for (std::size_t i = 0; i < addresses.size(); ++i)
        try {
            // Options count for what is bound after them.
            socket.set(zmq::sockopt::ipv6, addresses[i].find('[') != std::string::npos);
            socket.bind(addresses[i]);
            bound = true;
        } catch (const zmq::error_t& error) {
            // A name may have addresses that this machine does not have, IPv6 ones most of all.
            if (error.num() != EADDRINUSE && (bound || i + 1 < addresses.size())) continue;
            const bool taken = error.num() == EADDRINUSE;
            throw failure(recipe, addresses[i],
                          std::string(error.what()) +
                              (taken ? "; another pipeline here? `ss -ltnp` tells" : ""));
        }
}

Endpoint parsed_or_throw(const Recipe& recipe, const std::string& endpoint) {
    Endpoint parsed;
    if (const auto fault = parse_endpoint(endpoint, parsed); !fault.empty())
        throw failure(recipe, endpoint, fault);
    return parsed;
}

std::vector<std::string> addresses_from(const Recipe& recipe, const std::string& endpoint,
                                        const Endpoint& parsed, const Found& found) {
    if (found.hosts.empty())
        throw failure(recipe, endpoint,
                      "the name " + parsed.host + " cannot be looked up: " + found.failure);
    std::vector<std::string> addresses;
    for (const auto& host : found.hosts)
        addresses.push_back(Endpoint{host, parsed.port}.text());
    return addresses;
}

}  // namespace

zmq::context_t make_context(int io_threads) {
    raise_file_limit();
    zmq::context_t context(io_threads);
    context.set(zmq::ctxopt::blocky, false);
    context.set(zmq::ctxopt::max_sockets, kSocketsMax);
    return context;
}

std::vector<std::string> addresses_of(Role role, const std::string& endpoint) {
    const Recipe recipe = recipe_of(role);
    const auto parsed = parsed_or_throw(recipe, endpoint);
    const auto found = look_up({parsed.host}, recipe.bind ? kBindLookUp : kConnectLookUp);
    return addresses_from(recipe, endpoint, parsed, found.front());
}

std::vector<MaybeSocket> make_sockets(zmq::context_t& context, Role role,
                                      const std::vector<std::string>& endpoints, Duration within) {
    const Recipe recipe = recipe_of(role);
    std::vector<std::string> hosts;
    for (const auto& endpoint : endpoints) {
        Endpoint parsed;
        const bool is_one = parse_endpoint(endpoint, parsed).empty();
        hosts.push_back(is_one ? parsed.host : "*");  // which is not looked up
    }
    const auto found = look_up(hosts, within);
    std::vector<MaybeSocket> all(endpoints.size());
    for (std::size_t i = 0; i < endpoints.size(); ++i)
        try {
            const auto parsed = parsed_or_throw(recipe, endpoints[i]);
            const auto addresses = addresses_from(recipe, endpoints[i], parsed, found[i]);
            all[i].socket = make_socket(context, role, std::vector{reachable(addresses)});
        } catch (const SocketError& error) {
            all[i].failure = error.what();
        }
    return all;
}

zmq::socket_t make_socket(zmq::context_t& context, Role role, const std::string& endpoint,
                          const std::string& routing_id) {
    auto addresses = addresses_of(role, endpoint);
    if (!recipe_of(role).bind) addresses = {reachable(addresses)};
    return make_socket(context, role, addresses, routing_id);
}

zmq::socket_t make_socket(zmq::context_t& context, Role role,
                          const std::vector<std::string>& addresses,
                          const std::string& routing_id) {
    const Recipe recipe = recipe_of(role);
    try {
        zmq::socket_t socket(context, recipe.type);
        configure(socket, role, recipe);
        if (context.get(zmq::ctxopt::io_threads) == 2)
            socket.set(zmq::sockopt::affinity, thread_of(role));
        if (!routing_id.empty()) socket.set(zmq::sockopt::routing_id, routing_id);
        if (recipe.bind) {
            bind(socket, recipe, addresses);
        } else if (!addresses.empty()) {
            socket.set(zmq::sockopt::ipv6, addresses[0].find('[') != std::string::npos);
            socket.connect(addresses[0]);
        }
        return socket;
    } catch (const zmq::error_t& error) {
        throw failure(recipe, addresses.empty() ? "" : addresses[0], error.what());
    }
}

std::size_t message_bytes_max(Role role) {
    return recipe_of(role).message_bytes_max;
}

std::size_t queue_bytes_max(Role role) {
    const auto recipe = recipe_of(role);
    return recipe.message_bytes_max * static_cast<std::size_t>(recipe.receive_messages_max);
}

void unbind(zmq::socket_t& socket, const std::vector<std::string>& addresses) {
    for (const auto& address : addresses)
        try {
            socket.unbind(address);
        } catch (const zmq::error_t& error) {
            if (error.num() != ENOENT) throw;
        }
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
