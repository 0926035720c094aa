#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/time.hpp"

namespace presence {

// Decides when a link to one peer is connected, to which of its addresses, and when anew.
//
// A peer that says nothing for long is connected to anew, as its name may have got another address,
// and as libzmq, without a word, never tries again after another program has answered at an
// address. Its name is looked up first; a look-up that takes long delays only this link, and leaves
// the connection that is there. Where it fails, the addresses known before are tried again.
//
// A name may have several addresses, not all of them right. Each gets its share of kSilence, and
// the round is repeated with twice the time, up to kSilenceMax for each. An address at which the
// peer was heard is left after kSilence.
//
// Pure. Times never go back.
class Dialer {
public:
    static constexpr Duration kSilence = 5s;
    static constexpr Duration kSilenceMax = 10s;
    static constexpr Duration kPauseMin = 1s;  // for one address, and after a failed look-up
    static constexpr Duration kTurnMax = 1s;   // a longer time between two turns is a stall of ours

    // When a peer that is well says something: always, at least each second; or if it is asked.
    enum class Speaks { always, when_asked };
    explicit Dialer(Speaks speaks) : speaks_(speaks), expected_(speaks == Speaks::always) {}

    void heard() {
        silent_ = {};
        look_ups_ = 0;
        heard_ = true;
        expected_ = speaks_ == Speaks::always;
    }
    // Something was sent that a peer which is well answers within a second or two.
    void asked() { expected_ = true; }

    // What the caller does now. After `look_up` it calls on_addresses() once; until then there is
    // nothing to do. After `connect` it is connected to address(), and to no other.
    enum class Step { none, look_up, connect };
    // Call it at least each kTurnMax, or silence is counted as shorter than it was.
    [[nodiscard]] Step turn(Instant now) {
        if (expected_ || !connected_) silent_ += std::min(now - turned_.value_or(now), kTurnMax);
        turned_ = now;
        if (state_ == State::looking_up) return Step::none;
        if (state_ == State::waiting && silent_ < patience()) return Step::none;
        if (state_ != State::begins && next_ < addresses_.size()) return connect();
        state_ = State::looking_up;
        heard_ = false;
        return Step::look_up;
    }
    // None: the look-up failed.
    void on_addresses(std::vector<std::string> addresses) {
        if (!addresses.empty()) addresses_ = std::move(addresses);
        // Heard meanwhile, it stays where it is.
        next_ = heard_ ? addresses_.size() : 0;
        state_ = next_ < addresses_.size() ? State::found : State::waiting;
        silent_ = {};
        look_ups_ = std::min(look_ups_ + 1, kDoublingsMax);
    }
    [[nodiscard]] const std::string& address() const { return address_; }

private:
    enum class State { begins, looking_up, found, waiting };
    static constexpr int kDoublingsMax = 8;

    Step connect() {
        state_ = State::waiting;
        address_ = addresses_[next_++];
        silent_ = {};
        connected_ = true;
        heard_ = false;
        expected_ = speaks_ == Speaks::always;
        return Step::connect;
    }
    [[nodiscard]] Duration patience() const {
        if (heard_) return kSilence;
        const auto count = std::max<Duration::rep>(std::ssize(addresses_), 1);
        const auto share = connected_ ? std::max(kSilence / count, kPauseMin) : kPauseMin;
        return std::min(share * (1 << std::max(look_ups_ - 1, 0)), kSilenceMax);
    }

    Speaks speaks_;
    State state_ = State::begins;
    std::vector<std::string> addresses_;
    std::size_t next_ = 0;  // of them
    std::string address_;
    std::optional<Instant> turned_;
    Duration silent_{};
    int look_ups_ = 0;  // since it was heard
    bool expected_;     // to say something
    bool connected_ = false;
    bool heard_ = false;  // since it was connected, or its name is being looked up
};

}  // namespace presence
