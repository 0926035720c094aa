#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/throttle.hpp"
#include "notifier/sinks/mark.hpp"
#include "notifier/sinks/postgres/connection.hpp"
#include "notifier/sinks/postgres/history.hpp"
#include "notifier/sinks/postgres/rows.hpp"
#include "notifier/sinks/postgres/sql.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

// Keeps who is online in a table of Postgres, and a mark beside it, which readers take for nothing
// once it is older than 30 s; with a history, each event as well. PostgresSql has the schema.
//
// A chunk is one statement, so it is written as a whole or not at all, in one round trip, and only
// where the place is as this sink left it.
class PostgresSink : public Sink, public StatePlace {
public:
    static constexpr Duration kMarkRenewed = 5s;
    static constexpr std::size_t kPageRows = 10'000;   // looked at for one page of who is online
    static constexpr Duration kHistoryTended = 10min;  // partitions made ahead, and dropped
    static constexpr Duration kHistoryLockMax = 1s;    // others wait behind who waits to drop
    static constexpr int kVersionMin = 12'00'00;       // attaches partitions without a full lock

    PostgresSink(const SinkConfig& config, const Interrupt& interrupt, SinkHost host);

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
    using Events = std::vector<const Event*>;

    void ensure_open();
    void bound_waits(PostgresConnection& connection) const;
    void ensure_tables(PostgresConnection& connection);
    void compare(PostgresConnection& connection);
    [[nodiscard]] std::string mark_now(std::uint64_t chunk) const;
    // `next`: the mark's place after it.
    void write(const Events& events, const std::string& next);
    void choose_logged(std::span<PostgresRow> rows);
    void make_partition(Day day);
    void tend_history();
    template <class Body>
    auto guarded(Body&& body);

    SinkConfig config_;
    PostgresSql sql_;
    const Interrupt* interrupt_;
    SinkHost host_;
    std::optional<PostgresConnection> connection_;
    std::optional<HistoryDays> days_;  // of a history whose partitions are ours to make and drop
    std::string there_;                // what the place says
    Mark kept_;                        // what it took, as far as is known
    std::uint64_t chunk_ = 0;          // under way
    std::uint64_t wanted_ = 0;         // refills
    bool lost_ = false;                // it is not as it was left
    Instant renew_at_{};
    Instant tend_history_at_{};
    Throttle tell_left_out_{10s};
};

}  // namespace presence::notifier
