#pragma once

#include <cstdint>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "cli/bench/bench.hpp"
#include "cli/bench/events.hpp"
#include "cli/bench/truth.hpp"

namespace presence::cli {

// Groups of users who beat in turn, each group one message that is encoded once. Sends block while
// the collector does not take more, so nothing is dropped. In random order users come in messages
// of other users than those they beat with later.
class BenchLoad {
public:
    // `interval`: in which each group is due once, unless told to saturate.
    BenchLoad(zmq::context_t& context, const std::string& heartbeats, BenchEvents& events,
              const BenchOptions& options, Duration interval, Duration ttl);

    // Sends to some who were never sent to. False if there are none.
    bool send_first();
    // Reads what came, sends what is due, and waits about a millisecond if nothing was.
    void turn(bool saturate);
    // From now on the first `mass_silence` users of the options are silent.
    void silence_mass();
    [[nodiscard]] std::uint32_t mass_online() const;
    void start_churn() { churning_ = true; }
    void stop_churn() { churning_ = false; }

    [[nodiscard]] BenchTruth& truth() { return truth_; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t batches_lost() const { return batches_lost_; }

private:
    enum class Mode : std::uint8_t { beating, silent };
    void read_events();
    void send(std::size_t group, Instant now);
    void draw_arrivals(std::uint64_t ids_per_message);
    [[nodiscard]] std::string arrival(std::size_t n) const;
    void send_bye(std::size_t group, Instant now);
    void send_bytes(const std::string& message);
    void send_due(Instant now, bool saturate);
    void churn(Instant now);

    BenchEvents& events_;
    zmq::socket_t socket_;
    BenchTruth truth_;
    std::vector<std::string> messages_;  // by group
    std::vector<std::string> byes_;      // by group, if they say it
    std::vector<Mode> modes_;            // by group
    struct Arrival {
        std::string edge;  // none: empty
        std::vector<std::uint32_t> users;
    };
    std::vector<Arrival> arrivals_;  // in random order only
    std::uint64_t edges_;
    std::vector<std::size_t> away_;  // groups that come back once all are told offline
    std::vector<std::pair<std::uint64_t, std::uint64_t>> last_batch_;  // boot and number
    double groups_per_us_;
    double due_ = 0;
    double churn_per_us_;
    double churn_due_ = 0;
    Instant last_turn_;
    std::size_t mass_groups_ = 0;
    std::size_t first_sent_ = 0;  // messages
    std::size_t next_ = 0;
    std::size_t next_churned_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t batches_lost_ = 0;
    bool churning_ = false;
};

}  // namespace presence::cli
