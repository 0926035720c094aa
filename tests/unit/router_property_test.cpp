#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <deque>
#include <map>
#include <set>

#include "router_bench.hpp"

using namespace presence;
using namespace presence::collector;

namespace {

// A link that loses, repeats, delays and reorders, by dice of rapidcheck's.
template <class Message>
class BadLink {
public:
    void send(Instant now, const Message& message) {
        if (bad && *rc::gen::inRange(0, 8) == 0) return;
        const auto copies = bad && *rc::gen::inRange(0, 8) == 0 ? 2 : 1;
        for (int i = 0; i < copies; ++i) {
            const auto delay = bad ? *rc::gen::inRange(0, 40'000) : 100;
            under_way_.emplace(now + Duration{delay}, message);
        }
    }
    template <class Fn>
    void deliver(Instant now, Fn&& fn) {
        while (!under_way_.empty() && under_way_.begin()->first <= now) {
            const auto message = under_way_.begin()->second;
            under_way_.erase(under_way_.begin());
            fn(message);
        }
    }
    bool bad = true;

private:
    std::multimap<Instant, Message> under_way_;
};

// The rules by which a tracker takes frames, and whom they told it of.
struct ModelTracker {
    bool heard = false;
    std::uint64_t applied = 0;
    bool gap = false;
    std::set<std::string> users;
    std::int64_t watermark_us = 0;

    void take(const SentFrame& frame) {
        const auto number = frame.header.number;
        const bool fits = heard ? number == applied + 1 : number == frame.header.base;
        if (!fits) {
            gap = gap || !heard || number > applied;
            return;
        }
        heard = true;
        applied = number;
        gap = false;
        for (const auto& row : frame.rows)
            users.insert(row.user);
        watermark_us = std::max(watermark_us, micros(frame.header.watermark));
    }
};

struct RouterWorld {
    explicit RouterWorld(RouterOptions options) : bench(std::move(options)) {}

    // One turn: what came, what the router sends, what the tracker makes of it.
    void turn(bool drained) {
        answers.deliver(bench.now, [&](const Ack& ack) { bench.tell(ack); });
        std::vector<std::string> messages;
        for (auto n = *rc::gen::inRange(0, 4); n > 0; --n) {
            const auto user = "user-" + std::to_string(read.size());
            messages.push_back(beat(user));
            read[user] = micros(bench.now) + 500;
        }
        for (const auto& frame : bench.turn(messages, drained))
            frames.send(bench.now, frame);
        serve();
    }
    void serve() {
        bool any = false;
        frames.deliver(bench.now, [&](const SentFrame& frame) {
            tracker.take(frame);
            any = true;
        });
        if (any) answers.send(bench.now, bench.ack(tracker.applied, tracker.gap));
    }
    // What a watermark promises: all that was read until then has come.
    [[nodiscard]] bool watermark_holds() const {
        for (const auto& [user, at] : read)
            if (at <= tracker.watermark_us && !tracker.users.contains(user)) return false;
        return true;
    }

    Bench bench;
    BadLink<SentFrame> frames;
    BadLink<Ack> answers;
    ModelTracker tracker;
    std::map<std::string, std::int64_t> read;
};

}  // namespace

TEST_CASE("over a bad link nothing is lost and no watermark is early", "[collector][property]") {
    rc::prop("one tracker, with and without room for what is not acknowledged", [] {
        RouterOptions options;
        options.resend_bytes_max = *rc::gen::element<std::uint64_t>(2'000, 20'000, 64u << 20);
        RouterWorld world(options);
        for (auto turns = *rc::gen::inRange(10, 200); turns > 0; --turns) {
            world.turn(*rc::gen::inRange(0, 4) != 0);
            if (*rc::gen::inRange(0, 50) == 0) world.bench.now += 600ms;
            if (*rc::gen::inRange(0, 20) == 0) world.frames.bad = !world.frames.bad;
            RC_ASSERT(world.watermark_holds());
        }
        world.frames.bad = world.answers.bad = false;
        for (const auto& frame : world.bench.goodbye())
            world.frames.send(world.bench.now, frame);
        for (int turns = 0; turns < 5'000 && !world.bench.router.all_acknowledged(); ++turns) {
            world.answers.deliver(world.bench.now, [&](const Ack& a) { world.bench.tell(a); });
            for (const auto& frame : world.bench.turn({}, false))
                world.frames.send(world.bench.now, frame);
            world.serve();
        }
        RC_ASSERT(world.bench.router.all_acknowledged());
        RC_ASSERT(world.bench.router.counters()["dropped"] == 0u);
        RC_ASSERT(world.tracker.users.size() == world.read.size());
        RC_ASSERT(world.watermark_holds());
    });
}
