// The golden vectors of tests/vectors, read by our own codecs. The same files are read in Python by
// tests/process/vectors_test.py, so that the public page and two implementations agree.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/wire/batch.hpp"
#include "common/wire/frame.hpp"
#include "common/wire/heartbeat.hpp"
#include "common/wire/query.hpp"

using namespace presence;
using Json = nlohmann::json;

namespace {

Json vectors(const std::string& file) {
    std::ifstream in(std::string(PRESENCE_VECTORS) + "/" + file);
    REQUIRE(in.good());
    return Json::parse(in);
}

std::string unhex(const std::string& hex) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return bytes;
}

std::string hex(const std::vector<std::uint8_t>& bytes) {
    std::string text;
    for (const auto byte : bytes)
        for (const auto digit : {byte >> 4, byte & 15})
            text += "0123456789abcdef"[digit];
    return text;
}

std::string bytes_of(const Json& vector) {
    const auto once = unhex(vector.at("hex"));
    std::string bytes;
    for (int left = vector.value("times", 1); left > 0; --left)
        bytes += once;
    return bytes;
}

std::uint64_t hash_in(const Json& vector) {
    return std::stoull(vector.at("hash").get<std::string>(), nullptr, 16);
}

template <class T>
std::optional<T> optional(const Json& from, const char* key) {
    return from.contains(key) ? std::optional(from.at(key).get<T>()) : std::nullopt;
}

// Calls check(vector) for each of a section, under its name; a section is never empty.
template <class Check>
void each(const Json& file, const char* section, Check&& check) {
    REQUIRE(!file.at(section).empty());
    for (const auto& vector : file.at(section)) {
        CAPTURE(section, vector.dump());
        check(vector);
    }
}

Json json_of(const Heartbeat& beat) {
    Json out{{"user", beat.user}};
    if (!beat.session.empty()) out["session"] = beat.session;
    if (beat.status) out["status"] = *beat.status;
    if (beat.ttl_ms != 0) out["ttl_ms"] = beat.ttl_ms;
    if (beat.age_ms != 0) out["age_ms"] = beat.age_ms;
    if (beat.bye) out["bye"] = true;
    if (beat.linger_ms) out["linger_ms"] = *beat.linger_ms;
    return out;
}

Json json_of(const Envelope& envelope) {
    if (envelope.edge.empty()) return nullptr;
    Json out{{"edge", envelope.edge}, {"boot", envelope.boot}, {"seq", envelope.seq}};
    if (envelope.sent_ms) out["sent_ms"] = *envelope.sent_ms;
    return out;
}

Json json_of(const Rejects& rejects) {
    Json out = Json::object();
    std::vector<CounterValue> all;
    rejects.append_to(all);
    for (const auto& [counter, value] : all)
        if (value != 0) out[std::string(counter->name)] = value;
    return out;
}

Event event_of(const Json& from) {
    Event event;
    event.user = from.at("user");
    event.state = state_named(from.at("state").get<std::string>()).value();
    event.reason = from.at("reason");
    event.at_ms = from.at("at_ms");
    event.since_ms = optional<std::int64_t>(from, "since_ms");
    event.last_seen_ms = optional<std::int64_t>(from, "last_seen_ms");
    event.status = optional<std::string>(from, "status");
    event.ttl_ms = from.at("ttl_ms");
    event.freshness = freshness_named(from.at("freshness").get<std::string>()).value();
    event.slot = from.at("slot");
    event.epoch = from.at("epoch");
    event.seq = from.at("seq");
    event.reconciled = from.at("reconciled");
    return event;
}

Json json_of(const Row& row) {
    char hash[17];
    std::snprintf(hash, sizeof hash, "%016lx", row.hash);
    Json out{{"hash", hash}, {"user", row.user}};
    if (!row.session.empty()) out["session"] = row.session;
    if (!row.edge.empty()) out["edge"] = row.edge;
    if (row.status) out["status"] = *row.status;
    if (row.ttl_ms != 0 && !row.bye) out["ttl_ms"] = row.ttl_ms;
    if (row.ttl_ms != 0 && row.bye) {
        const auto linger_ms = linger_of_bye(row.ttl_ms, 0);
        out["linger_ms"] = linger_ms;
        CHECK(ttl_of_bye(linger_ms) == row.ttl_ms);
    }
    if (row.age_ms != 0) out["age_ms"] = row.age_ms;
    if (row.bye) out["bye"] = true;
    return out;
}

Json json_of(const FrameHeader& h) {
    Json out{{"cluster", h.cluster},
             {"collector", h.collector},
             {"boot", h.boot},
             {"number", h.number},
             {"base", h.base},
             {"map_version", h.map_version},
             {"sent_us", micros(h.sent)},
             {"watermark_us", micros(h.watermark)},
             {"dropped", h.dropped},
             {"goodbye", h.goodbye}};
    if (h.echo)
        out["echo"] = {{"tracker_boot", h.echo->tracker_boot},
                       {"acked_us", h.echo->acked_us},
                       {"received_us", micros(h.echo->received)}};
    return out;
}

// The row groups of a decoded frame, written again.
std::string rows_of(const Frame& frame) {
    RowGroups rows;
    PeerInstant read{};
    for (RowReader from(frame.row_groups); from.next(); read = from.read()) {
        if (from.first_of_group()) rows.close_group(read);
        rows.append(from.row());
    }
    rows.close_group(read);
    return rows.take();
}

Json json_of(const std::vector<Sighting>& sightings) {
    Json out = Json::array();
    for (const auto& [collector, seen] : sightings)
        out.push_back({collector, micros(seen)});
    return out;
}

Json json_of(const Ack& a) {
    Json out{{"cluster", a.cluster},
             {"tracker", a.tracker},
             {"tracker_boot", a.tracker_boot},
             {"collector_boot", a.collector_boot},
             {"applied", a.applied},
             {"gap", a.gap},
             {"map_version", a.map_version},
             {"moved", a.moved},
             {"sent_us", a.sent_us}};
    if (!a.sightings.empty()) out["sightings"] = json_of(a.sightings);
    return out;
}

Json json_of(const Query& query) {
    Json out;
    constexpr const char* kOps[] = {"get", "count", "list", "map", "status", "snapshot", "replay"};
    out["op"] = kOps[query.op.index()];
    if (query.rid) out["rid"] = *query.rid;
    std::string cursor;
    if (const auto* get = std::get_if<GetQuery>(&query.op)) out["users"] = get->users;
    if (const auto* list = std::get_if<ListQuery>(&query.op)) cursor = list->cursor;
    if (const auto* snapshot = std::get_if<SnapshotQuery>(&query.op)) {
        out["slot"] = snapshot->slot;
        cursor = snapshot->cursor;
    }
    if (const auto* replay = std::get_if<ReplayQuery>(&query.op)) {
        out["boot"] = replay->boot;
        out["after"] = replay->after;
    }
    if (!cursor.empty()) out["cursor"] = cursor;
    return out;
}

}  // namespace

TEST_CASE("golden vectors of slots: hash, slot, owner and epoch", "[vectors][slots]") {
    const auto file = vectors("slots.json");
    each(file, "users", [](const Json& v) {
        const auto hash = hash_of(v.at("user").get<std::string>());
        CHECK(hash == hash_in(v));
        CHECK(slot_of(hash) == v.at("slot"));
        const std::vector<std::string> trackers{"t1", "t2", "t3"};
        CHECK(trackers[owner_of(slot_of(hash), trackers)] == v.at("owner"));
    });
    each(file, "owners", [](const Json& v) {
        const std::vector<std::string> trackers = v.at("trackers");
        CHECK(trackers[owner_of(v.at("slot").get<Slot>(), trackers)] == v.at("owner"));
    });
    each(file, "epochs", [](const Json& v) {
        CHECK(make_epoch(v.at("unix_ms"), v.at("tracker").get<std::string>(),
                         v.at("highest_known")) == v.at("epoch"));
    });
}

TEST_CASE("golden vectors of heartbeats: what is read, what is counted", "[vectors][heartbeat]") {
    const auto file = vectors("heartbeats.json");
    each(file, "good", [](const Json& v) {
        const auto bytes = bytes_of(v);
        Heartbeats read;
        Rejects rejects;
        decode_heartbeats(bytes, read, rejects);
        read.spell_out();
        Json beats = Json::array();
        for (const auto& beat : read.beats)
            beats.push_back(json_of(beat));
        CHECK(beats == v.at("beats"));
        CHECK(json_of(read.envelope) == v.value("envelope", Json()));
        CHECK(json_of(rejects) == v.at("rejects"));
        if (v.at("encodes")) CHECK(encode_heartbeats(read.envelope, read.beats) == bytes);
    });
    each(file, "bad", [](const Json& v) {
        Heartbeats read;
        Rejects rejects;
        decode_heartbeats(bytes_of(v), read, rejects);
        CHECK(read.ids.empty());
        CHECK(read.beats.empty());
        CHECK(json_of(rejects) == Json{{v.at("reject").get<std::string>(), 1}});
    });
}

TEST_CASE("golden vectors of events: id, topic, msgpack and JSON", "[vectors][event]") {
    each(vectors("events.json"), "events", [](const Json& v) {
        const auto event = event_of(v.at("event"));
        CHECK(id_of(event) == v.at("id"));
        CHECK(topic_of_user(event.user) == unhex(v.at("topic")));
        CHECK(to_msgpack(event) == bytes_of(v));
        CHECK(to_json(event) == v.at("json"));
    });
}

TEST_CASE("golden vectors of batches and ticks", "[vectors][batch]") {
    const auto file = vectors("batches.json");
    each(file, "batches", [](const Json& v) {
        const auto batch = decode_batch(bytes_of(v));
        REQUIRE(batch);
        CHECK(batch->tracker == v.at("tracker"));
        CHECK(batch->boot == v.at("boot"));
        CHECK(batch->number == v.at("number"));
        CHECK(batch->prev_boot == v.at("prev_boot"));
        std::vector<Event> read;
        for (const auto& slot : batch->slots)
            read.insert(read.end(), slot.events.begin(), slot.events.end());
        std::vector<Event> expected;
        for (const auto& event : v.at("events"))
            expected.push_back(event_of(event));
        CHECK(read == expected);
        if (v.at("encodes")) CHECK(encode_batch(*batch) == bytes_of(v));
    });
    each(file, "bad_batches", [](const Json& v) { CHECK(!decode_batch(bytes_of(v))); });
    each(file, "ticks", [](const Json& v) {
        const auto tick = decode_tick(bytes_of(v));
        REQUIRE(tick);
        CHECK(tick->tracker == v.at("tracker"));
        CHECK(tick->boot == v.at("boot"));
        CHECK(tick->last_batch == v.at("last_batch"));
        if (v.at("encodes")) CHECK(encode_tick(*tick) == bytes_of(v));
    });
    each(file, "bad_ticks", [](const Json& v) { CHECK(!decode_tick(bytes_of(v))); });
}

TEST_CASE("golden vectors of frames and acknowledgements", "[vectors][frame]") {
    const auto file = vectors("frames.json");
    each(file, "frames", [](const Json& v) {
        const auto bytes = bytes_of(v);
        Frame frame;
        REQUIRE(decode_frame(bytes, frame) == FrameFault::none);
        CHECK(json_of(frame.header) == v.at("header"));
        Json groups = Json::array();
        for (RowReader rows(frame.row_groups); rows.next();) {
            if (rows.first_of_group())
                groups.push_back({{"read_us", micros(rows.read())}, {"rows", Json::array()}});
            groups.back()["rows"].push_back(json_of(rows.row()));
        }
        CHECK(groups == v.at("groups"));
        Json leases = Json::array();
        std::string lease_bytes;
        for (const auto& lease : frame.leases) {
            leases.push_back({lease.edge, micros(lease.read)});
            append_lease(lease_bytes, lease);
        }
        CHECK(leases == v.value("leases", Json::array()));
        CHECK(json_of(frame.sightings) == v.value("sightings", Json::array()));
        std::string sighting_bytes;
        for (const auto& [collector, seen] : frame.sightings)
            append_sighting(sighting_bytes, collector, seen);
        CHECK(encode_frame(frame.header, rows_of(frame), lease_bytes, sighting_bytes) == bytes);
    });
    each(file, "bad_frames", [](const Json& v) {
        const auto bytes = bytes_of(v);
        Frame frame;
        CHECK(name_of(decode_frame(bytes, frame)) == v.at("fault"));
        CHECK(frame.row_groups.empty());
    });
    each(file, "acks", [](const Json& v) {
        const auto ack = decode_ack(bytes_of(v));
        REQUIRE(ack);
        CHECK(json_of(*ack) == v.at("ack"));
        CHECK(encode_ack(*ack) == bytes_of(v));
    });
    each(file, "bad_acks", [](const Json& v) { CHECK(!decode_ack(bytes_of(v))); });
}

TEST_CASE("golden vectors of questions and answers", "[vectors][query]") {
    const auto file = vectors("queries.json");
    each(file, "queries", [](const Json& v) {
        const auto read = decode_query(bytes_of(v));
        REQUIRE(std::holds_alternative<Query>(read));
        const auto& query = std::get<Query>(read);
        CHECK(json_of(query) == v.at("query"));
        if (v.at("encodes")) CHECK(encode_query(query) == bytes_of(v));
    });
    each(file, "bad_queries", [](const Json& v) {
        const auto read = decode_query(bytes_of(v));
        REQUIRE(std::holds_alternative<QueryError>(read));
        const auto& error = std::get<QueryError>(read);
        CHECK(error.code == v.at("error"));
        CHECK(error.rid == optional<std::uint64_t>(v, "rid"));
    });
    // In the order of Answer's variant.
    constexpr const char* kKinds[] = {"get",      "count",  "list",  "map",  "status",
                                      "snapshot", "replay", "sinks", "error"};
    each(file, "answers", [&](const Json& v) {
        const auto answer = decode_answer(bytes_of(v));
        REQUIRE(answer);
        CHECK(kKinds[answer->body.index()] == v.at("kind"));
        CHECK(encode_answer(*answer) == bytes_of(v));
        auto told = Json::from_msgpack(encode_answer(*answer));
        if (told.contains("rows"))
            for (auto& row : told["rows"])
                row = hex(row.get_binary());
        CHECK(told == v.at("answer"));
    });
}
