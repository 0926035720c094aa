#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/config/redis_url.hpp"
#include "notifier/sinks/mark.hpp"
#include "notifier/sinks/redis/connection.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// Keeps who is online in Redis: a hash for each user, a sorted set of those who are online, and a
// mark, which ends 30 s after it was last renewed: without it nobody knows.
//
//   <prefix>user:<id>     state reason at_ms slot epoch seq, since_ms last_seen_ms status if known
//   <prefix>online        users, by since_ms
//   <prefix>sink:<name>   the mark: cluster notifier sink as_of_ms freshness place
//   <prefix>place:<name>  what the mark's `place` says, and does not end: which chunk came last
//
// Up to kEventsMax events are one call of a script, which holds up everybody else's for less than a
// millisecond. It writes only where the place is as this sink left it.
class RedisSink : public Sink, public StatePlace {
public:
    static constexpr std::size_t kEventsMax = 100;
    static constexpr Duration kMarkEnds = 30s;
    static constexpr Duration kMarkRenewed = 5s;
    static constexpr std::size_t kPageUsers = 1'000;

    RedisSink(const SinkConfig& config, const Interrupt& interrupt, SinkHost host);

    [[nodiscard]] Report take(const std::vector<Event>& batch) override;
    void open() override;
    [[nodiscard]] Watch watch() const override;
    void tend() override;

    [[nodiscard]] StatePlace* state_place() override { return this; }
    void begin_chunk(std::uint64_t number) override { chunk_ = number; }
    [[nodiscard]] Page online(const std::string& cursor) override;
    [[nodiscard]] std::uint64_t count() override;
    void want_refill(const std::string& why) override;

private:
    void ensure_open();
    void log_in(RedisConnection& connection) const;
    void look_at_memory(RedisConnection& connection) const;
    void compare(RedisConnection& connection);
    [[nodiscard]] std::string mark_now(std::uint64_t chunk) const;
    [[nodiscard]] std::string script_call(std::span<const Event> events, const std::string& next,
                                          bool by_hash) const;
    // The numbers of events whose key is not ours. `next`: the mark's place after it, or "".
    std::vector<std::size_t> run(std::span<const Event> events, const std::string& next);
    [[nodiscard]] Reply ask(RedisConnection& connection,
                            std::initializer_list<std::string_view> words) const;
    template <class Body>
    auto guarded(Body&& body);

    SinkConfig config_;
    RedisUrl url_;
    const Interrupt* interrupt_;
    SinkHost host_;
    std::optional<RedisConnection> connection_;
    std::string hash_;          // of the script
    std::string there_;         // what the place says
    Mark kept_;                 // what it took, as far as is known
    std::uint64_t chunk_ = 0;   // under way
    std::uint64_t wanted_ = 0;  // refills
    bool lost_ = false;         // it is not as it was left
    Instant renew_at_{};
};

// For a person: what to do about an error of the server.
[[nodiscard]] std::string redis_advice(std::string_view error);

}  // namespace presence::notifier
