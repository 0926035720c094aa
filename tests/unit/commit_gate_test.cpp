#include "tracker/stream/commit_gate.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

using namespace presence::tracker;

namespace {

Output turn_of(std::uint64_t batch, const std::string& name) {
    Output turn;
    if (batch > 0) turn.publications.push_back({"batch", name, batch});
    turn.publications.push_back({"tick", name, 0});
    turn.snapshots.push_back({"peer", name});
    return turn;
}

}  // namespace

TEST_CASE("what a turn sends waits for its batches, and for those before", "[tracker][outbox]") {
    CommitGate commit_gate;
    Output ready;
    commit_gate.hold(turn_of(0, "before"), ready);
    CHECK(ready.snapshots.size() == 1);  // nothing to wait for

    ready.clear();
    commit_gate.hold(turn_of(1, "one"), ready);
    commit_gate.hold(turn_of(0, "later"), ready);
    REQUIRE(ready.publications.size() == 2);  // a disk that is full makes nobody silent
    CHECK(ready.publications[0].topic == "tick");
    CHECK(ready.publications[1].topic == "tick");
    CHECK(ready.snapshots.empty());
    CHECK(commit_gate.bytes() > 0);

    commit_gate.on_written(1, ready);
    REQUIRE(ready.snapshots.size() == 2);
    CHECK(ready.snapshots[0].bytes == "one");
    CHECK(ready.snapshots[1].bytes == "later");
    CHECK(ready.publications.size() == 3);
    CHECK(commit_gate.bytes() == 0);
}

TEST_CASE("nothing is sent before it is written, all is in the end, and in order",
          "[tracker][outbox]") {
    rc::prop("for random turns and writes", [] {
        CommitGate commit_gate;
        std::uint64_t batch = 0;
        std::uint64_t written = 0;
        std::size_t turns = 0;
        std::size_t sent = 0;
        const auto check = [&](Output& ready) {
            for (const auto& publication : ready.publications)
                RC_ASSERT(publication.batch <= written);
            for (const auto& snapshot : ready.snapshots)
                RC_ASSERT(snapshot.bytes == std::to_string(sent++));
            ready.clear();
        };
        for (const auto& step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 6))) {
            Output ready;
            if (step < 4) {
                batch += step < 2 ? 1 : 0;
                commit_gate.hold(turn_of(step < 2 ? batch : 0, std::to_string(turns++)), ready);
            } else {
                written += (batch - written + 1) / 2;
                commit_gate.on_written(written, ready);
            }
            check(ready);
        }
        Output ready;
        commit_gate.on_written(written = batch, ready);
        check(ready);
        RC_ASSERT(sent == turns);
        RC_ASSERT(commit_gate.bytes() == 0u);
    });
}
