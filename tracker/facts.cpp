#include "tracker/facts.hpp"

#include "common/wire/msgpack_read.hpp"
#include "common/wire/msgpack_writer.hpp"

namespace presence::tracker {

static void describe(auto& to, Is<FailureDetector::Applied> auto& link) {
    to.record(link.collector, link.boot, link.applied);
}

static void describe(auto& to, Is<Facts::Start> auto& start) {
    to.record(start.at_us, start.gap_us);
}

static void describe(auto& to, Is<Facts::Starts> auto& starts) {
    to.record(starts.clock, starts.all);
}

static void describe(auto& to, Is<Facts::EventTime> auto& time) {
    to.record(time.clock, time.at_us);
}

static void describe(auto& to, Is<Facts> auto& facts) {
    to.map(key("epoch", facts.epoch), key("collectors", facts.collectors),
           key("links", facts.links), key("starts", facts.starts),
           some("event_time", facts.event_time));
}

std::string encode_facts(const Facts& facts) {
    return write_message(facts);
}

Facts decode_facts(std::string_view bytes) {
    return read_message<Facts>(bytes, bytes.size()).value_or(Facts{});
}

}  // namespace presence::tracker
