#include "tracker/stream/publisher.hpp"

#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <map>

#include "common/limits.hpp"

using namespace presence;
using tracker::Publication;
using tracker::Publisher;
using tracker::Subscriptions;

namespace {

Event event_of(std::string user, Slot slot) {
    Event event;
    event.user = std::move(user);
    event.slot = slot;
    event.reason = "heartbeat";
    return event;
}

Publisher publisher_of_all_slots() {
    Publisher publisher("t1", 5);
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
        publisher.begin(static_cast<Slot>(slot), 1'000 + slot);
    return publisher;
}

}  // namespace

TEST_CASE("batches carry every event once, gap-free in each slot, within their size",
          "[tracker][publisher]") {
    rc::prop("for random turns", [] {
        auto publisher = publisher_of_all_slots();
        std::map<Slot, std::uint64_t> seqs;
        std::map<Slot, std::vector<std::string>> sent;
        std::map<Slot, std::vector<std::string>> got;
        std::uint64_t batch_number = 0;
        const auto turns = *rc::gen::inRange(1, 5);
        for (int turn = 0; turn < turns; ++turn) {
            std::vector<Event> events;
            const auto count = *rc::gen::inRange(0, 3'000);
            for (int n = 0; n < count; ++n) {
                const auto slot = static_cast<Slot>(*rc::gen::inRange(0, 8));
                auto user = std::to_string(turn) + "/" + std::to_string(n) + std::string(110, 'x');
                sent[slot].push_back(user);
                events.push_back(event_of(std::move(user), slot));
            }
            std::vector<Publication> out;
            publisher.publish(events, {}, out);
            RC_ASSERT(events.empty());
            for (const auto& publication : out) {
                RC_ASSERT(publication.topic == kTopicBatch);
                RC_ASSERT(publication.bytes.size() <= kBatchBytesMax);
                const auto batch = decode_batch(publication.bytes);
                RC_ASSERT(batch.has_value());
                RC_ASSERT(batch->number == ++batch_number);
                for (const auto& slot : batch->slots) {
                    RC_ASSERT(slot.epoch == 1'000u + slot.slot);
                    RC_ASSERT(slot.first_seq == seqs[slot.slot] + 1);
                    seqs[slot.slot] += slot.events.size();
                    for (const auto& event : slot.events)
                        got[slot.slot].push_back(event.user);
                }
            }
        }
        RC_ASSERT(got == sent);
        RC_ASSERT(publisher.batches() == batch_number);
    });
}

TEST_CASE("user topics are published only while someone subscribes to them",
          "[tracker][publisher]") {
    auto publisher = publisher_of_all_slots();
    Subscriptions subscriptions;
    const auto topics = [&] {
        std::vector<Event> events{event_of("a", 1), event_of("ab", 2)};
        std::vector<Publication> out;
        publisher.publish(events, subscriptions, out);
        REQUIRE(out.size() >= 1);
        CHECK(out[0].topic == kTopicBatch);  // what followers need goes first
        std::vector<std::string> names;
        for (std::size_t n = 1; n < out.size(); ++n)
            names.push_back(out[n].topic);
        return names;
    };
    const auto tell = [&](const std::string& message) { subscriptions.on_message({}, message); };
    CHECK(topics().empty());
    tell("\1batch");
    CHECK(topics().empty());
    tell("\1" + topic_of_user("a"));
    CHECK(topics() == std::vector{topic_of_user("a")});
    tell("\1user/");
    CHECK(topics() == std::vector{topic_of_user("a"), topic_of_user("ab")});
    tell(std::string(1, '\0') + "user/");
    tell(std::string(1, '\0') + topic_of_user("a"));
    CHECK(topics().empty());
    tell("\1");  // everything
    CHECK(topics().size() == 2);
}
