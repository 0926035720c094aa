// The paths a heartbeat and a transition take, with a fixed load and no sockets, to be run under
// callgrind: hot_paths PATH runs it once, and only what `hot` calls is counted. Prints how many
// heartbeats or transitions that were.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/router.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/heartbeat.hpp"
#include "tracker/tracker.hpp"

using namespace presence;

// What callgrind counts (--toggle-collect).
extern "C" __attribute__((noinline)) void hot(const std::function<void()>& path) {
    path();
    asm volatile("" ::: "memory");  // no tail call: it ends here
}

namespace {

constexpr std::size_t kUsers = 20'000;

// Of an edge with a name and so a lease, or of one without.
std::vector<std::string> messages_of(std::size_t ids, std::string_view edge = {}) {
    std::vector<std::string> messages;
    for (std::size_t first = 0; first < kUsers; first += ids) {
        std::vector<std::string> users;
        for (auto n = first; n < std::min(first + ids, kUsers); ++n) {
            const auto digits = std::to_string(n);
            users.push_back("user-" + std::string(11 - digits.size(), '0') + digits);
        }
        std::vector<Heartbeat> beats;
        for (const auto& user : users)
            beats.push_back({.user = user});
        Envelope envelope;
        envelope.edge = edge;
        if (!edge.empty()) {
            envelope.boot = 1;
            envelope.seq = messages.size() + 1;
        }
        messages.push_back(encode_heartbeats(envelope, beats));
    }
    return messages;
}

// A collector and its tracker, in one thread under a clock that stands between rounds.
struct Pipeline {
    Instant now{1h};
    collector::Router router{{}, SlotMap::rendezvous(1, {"t1"})};
    tracker::Tracker tracker{options(), SlotMap::rendezvous(1, {"t1"}), now};
    std::vector<collector::Outgoing> frames;
    tracker::Output out;

    static tracker::TrackerOptions options() {
        tracker::TrackerOptions o;
        o.users_max = 2 * kUsers;
        o.trackers.resize(1);
        o.trackers[0].id = "t1";
        return o;
    }
    void collect(const std::vector<std::string>& messages) {
        now += 20ms;
        router.begin_turn(now);
        for (const auto& message : messages)
            router.on_message(message, now);
        router.end_turn(now, true, frames);
    }
    void track() {
        for (const auto& frame : frames)
            tracker.on_frame("c1", *frame.frame, now, {});
        frames.clear();
        while (tracker.end_turn(now, {}, out)) {
        }
        for (const auto& ack : out.acks)
            router.on_ack(0, ack.bytes, now);
    }
    void round(const std::vector<std::string>& messages) {
        collect(messages);
        track();
        out.clear();
    }
};

int collect(std::size_t ids, std::string_view edge = {}) {
    Pipeline pipeline;
    const auto messages = messages_of(ids, edge);
    pipeline.round(messages);
    hot([&] { pipeline.collect(messages); });
    return kUsers;
}

int track(std::string_view edge = {}) {
    Pipeline pipeline;
    const auto messages = messages_of(256, edge);
    pipeline.round(messages);
    pipeline.round(messages);
    pipeline.collect(messages);
    hot([&] { pipeline.track(); });
    return kUsers;
}

int arrive() {
    Pipeline pipeline;
    pipeline.round({});
    pipeline.collect(messages_of(256));
    hot([&] { pipeline.track(); });
    return kUsers;
}

int leave() {
    Pipeline pipeline;
    pipeline.round({});
    pipeline.round(messages_of(256));
    const auto due = pipeline.now + Pipeline::options().timeout;
    while (pipeline.now < due - 40ms)
        pipeline.round({});
    for (int step = 0; step < 5; ++step) {
        pipeline.collect({});
        hot([&] { pipeline.track(); });
    }
    return pipeline.tracker.counters()["online"] == 0 ? static_cast<int>(kUsers) : 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view path = argc > 1 ? argv[1] : "";
    int count = 0;
    if (path == "collect_256") count = collect(256);
    if (path == "collect_1") count = collect(1);
    if (path == "collect_256_leased") count = collect(256, "gw-1");
    if (path == "track") count = track();
    if (path == "track_leased") count = track("gw-1");
    if (path == "arrive") count = arrive();
    if (path == "leave") count = leave();
    std::printf("%d\n", count);
    return count > 0 ? 0 : 1;
}
