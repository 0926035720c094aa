#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "common/wire/query.hpp"
#include "tests/simulation/scheduler.hpp"
#include "tracker/stream/output.hpp"

namespace presence::simulation {

// A tracker's journal as it is on disk, and what is on its way there. A crash loses the latter.
class Disk {
public:
    // To be written by `at`; in order.
    void write(const tracker::Output& out, std::uint64_t boot, Time at);
    // What has been written by now. Returns the last batch written.
    std::uint64_t settle(Time now);
    // When the next write is done.
    [[nodiscard]] Time next() const { return pending_.empty() ? kNever : pending_.front().at; }
    void crash() {
        pending_.clear();
        waiting_bytes_ = 0;
    }
    // Of batches that are not written yet.
    [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
    void wipe() { *this = {}; }

    [[nodiscard]] std::variant<ReplayAnswer, QueryError> replay(std::uint64_t boot,
                                                                std::uint64_t after) const;

    struct Row {
        std::uint64_t boot;
        std::string bytes;
    };
    [[nodiscard]] const std::map<std::uint64_t, Row>& rows() const { return rows_; }
    [[nodiscard]] const std::map<Slot, std::pair<std::uint64_t, std::string>>& states() const {
        return states_;
    }
    [[nodiscard]] const std::string& facts() const { return facts_; }
    [[nodiscard]] std::uint64_t last() const { return rows_.empty() ? 0 : rows_.rbegin()->first; }

    static constexpr std::size_t kRowsKept = 60;     // more than a state needs
    static constexpr std::size_t kRowsTrimmed = 16;  // at once
    static constexpr std::size_t kRowsAPage = 7;

private:
    struct Pending {
        Time at;
        tracker::Output output;
        std::uint64_t boot;
    };
    void trim();

    std::deque<Pending> pending_;
    std::size_t waiting_bytes_ = 0;
    std::map<std::uint64_t, Row> rows_;
    std::map<Slot, std::pair<std::uint64_t, std::string>> states_;
    std::string facts_;
};

}  // namespace presence::simulation
