#include <catch2/catch.hpp>

#include "common/config/built_in.hpp"
#include "common/config/read.hpp"
#include "common/config/schema.hpp"
#include "common/slots.hpp"

using namespace presence;

namespace {

std::string complaint(const std::string& text) {
    try {
        ConfigOrigin origin{"f", {}};
        Config config = read_config(parse_toml(text, "f"), origin);
        complete_config(config, origin);
        check_config(config, origin);
    } catch (const ConfigError& e) {
        return e.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("two of a kind share neither id, nor endpoint, nor data", "[config][check]") {
    CHECK(complaint("[[collector]]\nid = \"a\"\n[[collector]]\nid = \"a\"\n") ==
          "f:4: two collectors are called `a`");
    CHECK(complaint("[[collector]]\n[[collector]]\nheartbeats = \"tcp://127.0.0.1:7400\"\n") ==
          "f:3: the endpoint `tcp://127.0.0.1:7400` is used twice");
    CHECK(complaint("[[tracker]]\nquery = \"tcp://127.0.0.1:7411\"\n") ==
          "f:2: the endpoint `tcp://127.0.0.1:7411` is used twice");
    CHECK(complaint("[[tracker]]\n[[tracker]]\ndata = \"data/t1\"\n") ==
          "f:3: the directory `data/t1` is used twice");
    for (const char* same : {"./data/t1", "data/t1/", "data//t1", "x/../data/t1"})
        CHECK(complaint("[[tracker]]\n[[notifier]]\ndata = \"" + std::string(same) + "\"\n") ==
              "f:3: the directory `" + std::string(same) + "` is used twice, also as `data/t1`");
    for (const char* nested : {"data", "data/t1/n1", "./data/t1/../t1/n1"})
        CHECK(complaint("[[tracker]]\n[[notifier]]\ndata = \"" + std::string(nested) + "\"\n") ==
              "f:3: one of the directories `data/t1` and `" + std::string(nested) +
                  "` lies in the other; give each process its own");
    for (const char* other : {"data/t", "data/t11", "../data/t1", "/data/t1"})
        CHECK(complaint("[[tracker]]\n[[notifier]]\ndata = \"" + std::string(other) + "\"\n") ==
              "accepted");
    CHECK_THAT(complaint("[[tracker]]\nquery_bind = \"tcp://127.0.0.1:7411\"\n"),
               Catch::Contains("would bind port 7411 twice"));
    CHECK(complaint("[[collector]]\nid = \"x\"\n[[tracker]]\nid = \"x\"\n") == "accepted");
}

TEST_CASE("two endpoints at one address are found under whichever names", "[config][check]") {
    const auto tracker = [](const std::string& query, const std::string& more = {}) {
        return complaint("[presence]\nallow_plaintext = true\n[[tracker]]\nquery = \"" + query +
                         "\"\n" + more);
    };
    for (const char* at : {"tcp://localhost:7411", "tcp://LOCALHOST:7411"})
        CHECK(tracker(at) == "f:4: the endpoints `tcp://127.0.0.1:7411` and `" + std::string(at) +
                                 "` are the same address");
    CHECK(tracker("tcp://[::1]:7411") == "accepted");
    CHECK_THAT(tracker("tcp://[::1]:7411", "events = \"tcp://localhost:7411\"\n"),
               Catch::Contains("are the same address"));
    CHECK_THAT(tracker("tcp://[2001:db8::1]:1", "events = \"tcp://[2001:db8:0::1]:1\"\n"),
               Catch::Contains("are the same address"));
    CHECK_THAT(tracker("tcp://T1.example:7411", "events = \"tcp://t1.example:7411\"\n"),
               Catch::Contains("are the same address"));
    // Nobody can tell without asking where these lead.
    CHECK_THAT(tracker("tcp://a.example:7411", "events = \"tcp://b.example:7411\"\n"),
               Catch::Contains("would bind port 7411 twice: for `events` at") &&
                   Catch::Contains("bind addresses instead of names"));
    CHECK(tracker("tcp://10.0.0.1:7411", "events = \"tcp://10.0.0.2:7411\"\n") == "accepted");
    CHECK_THAT(tracker("tcp://10.0.0.1:7411", "events_bind = \"tcp://*:7411\"\n"),
               Catch::Contains("give each its own port"));
}

TEST_CASE("ids are plain names", "[config][check]") {
    for (const char* id : {".hidden", "a b", "a/b", "\\u00e9"})
        CHECK_THAT(complaint("[[collector]]\nid = \"" + std::string(id) + "\"\n"),
                   Catch::StartsWith("f:2: `id` is 1 to 64 of the characters"));
    CHECK(complaint("[[collector]]\nid = \"Eu-west_1.a\"\n") == "accepted");
}

TEST_CASE("a bind beyond loopback needs allow_plaintext", "[config][check]") {
    const std::string beyond = "[[collector]]\nheartbeats = \"tcp://10.0.0.1:7400\"\n";
    CHECK_THAT(complaint(beyond), Catch::StartsWith("f:2: `tcp://10.0.0.1:7400`") &&
                                      Catch::Contains("allow_plaintext"));
    CHECK(complaint("[presence]\nallow_plaintext = true\n" + beyond) == "accepted");
    CHECK(complaint(beyond + "heartbeats_bind = \"tcp://127.0.0.1:7400\"\n") == "accepted");
    CHECK(complaint(beyond + "heartbeats_bind = \"tcp://localhost:7400\"\n") == "accepted");
    CHECK_THAT(complaint("[[collector]]\nheartbeats = \"tcp://c1.example:7400\"\n"),
               Catch::StartsWith("f:2: `tcp://c1.example:7400` may be beyond loopback"));
    CHECK_THAT(complaint("[[tracker]]\nevents_bind = \"tcp://*:7411\"\n"),
               Catch::StartsWith("f:2: `tcp://*:7411`"));
}

TEST_CASE("what others connect to names one host", "[config][check]") {
    CHECK_THAT(complaint("[[collector]]\nheartbeats = \"tcp://*:7400\"\n"),
               Catch::StartsWith("f:2: ") && Catch::Contains("`heartbeats_bind`"));
    CHECK_THAT(complaint("[[collector]]\nheartbeats = \"tcp://0.0.0.0:7400\"\n"),
               Catch::Contains("names one host"));
    CHECK_THAT(complaint("[[tracker]]\nevents = \"ipc:///tmp/x\"\n"),
               Catch::StartsWith("f:2: `events`") && Catch::Contains("lose the last messages"));
}

TEST_CASE("trackers whose ids share ten bits of hash are refused", "[config][check]") {
    std::string other;
    for (int i = 2; other.empty(); ++i) {
        const std::string id = "t" + std::to_string(i);
        if (tracker_hash10(id) == tracker_hash10("t1")) other = id;
    }
    CHECK(complaint("[[tracker]]\nid = \"t1\"\n[[tracker]]\nid = \"" + other + "\"\n") ==
          "f:4: the tracker ids `t1` and `" + other + "` have the same 10-bit hash; rename one");
}

TEST_CASE("a sink has what its type needs and nothing else", "[config][check]") {
    CHECK(complaint("[[sink]]\nname = \"a\"\n") ==
          "f:1: the sink `a` needs a `type`: " + enumerated(sinks_built_in(), " or "));
    CHECK_THAT(complaint("[[sink]]\ntype = \"jsnol\"\n"),
               Catch::StartsWith("f:2: ") && Catch::Contains("did you mean `jsonl`?"));
    CHECK(complaint("[[sink]]\ntype = \"jsonl\"\n") == "f:1: the sink `jsonl` needs a `path`");
    CHECK_THAT(complaint("[[sink]]\ntype = \"exec\"\ncommand = []\n"),
               Catch::Contains("needs a `command`"));
    CHECK(complaint("[[sink]]\ntype = \"stdout\"\npath = \"x\"\n") ==
          "f:3: `path` is for a sink of type jsonl, this one is of type stdout");
    const std::string exec = "[[sink]]\ntype = \"exec\"\ncommand = [\"x\"]\n";
    CHECK(complaint(exec + "acknowledge = true\ntimeout = \"5s\"\n") == "accepted");
    CHECK(complaint(exec + "timeout = \"5s\"\n") ==
          "f:4: `timeout` is for an exec sink with acknowledge = true");
    CHECK(complaint("[[sink]]\ntype = \"jsonl\"\npath = \"x\"\nacknowledge = true\n") ==
          "f:4: `acknowledge` is for a sink of type exec, this one is of type jsonl");
    CHECK_THAT(complaint("[[sink]]\ntype = \"stdout\"\nformat = \"xml\"\n"),
               Catch::StartsWith("f:3: `format` must be one of text, json"));
    CHECK(complaint("[[sink]]\ntype = \"jsonl\"\npath = \"x\"\n[[sink]]\nname = \"b\"\n"
                    "type = \"jsonl\"\npath = \"x\"\n") == "f:7: the file `x` is used twice");
}

TEST_CASE("a sink whose library was left out is refused", "[config][check]") {
    for (const auto type : {SinkType::postgres, SinkType::kafka, SinkType::nats}) {
        if (is_built_in(type)) continue;
        CHECK_THAT(complaint("[[sink]]\ntype = \"" + std::string(word_of(type)) + "\"\n"),
                   Catch::StartsWith("f:2: this build has no sinks of type " +
                                     std::string(word_of(type)) + ", but stdout, jsonl, "));
    }
}

TEST_CASE("a sink belongs to a notifier that there is", "[config][check]") {
    CHECK(complaint("[[sink]]\ntype = \"stdout\"\nnotifier = \"n2\"\n") ==
          "f:3: there is no notifier `n2`; did you mean `n1`?");
    const std::string two = "[[notifier]]\n[[notifier]]\n[[sink]]\ntype = \"stdout\"\n";
    CHECK_THAT(complaint(two), Catch::StartsWith("f:3: there are several notifiers"));
    CHECK(complaint(two + "notifier = \"n2\"\n") == "accepted");
}

TEST_CASE("a sink for which nothing is kept has no place for dead letters", "[config][check]") {
    for (const char* key : {"give_up_after", "attempts_max", "dead_max"})
        CHECK(complaint("[[sink]]\ntype = \"stdout\"\n" + std::string(key) +
                        (std::string(key) == "give_up_after" ? " = \"5s\"\n" : " = 5\n")) ==
              "f:3: `" + std::string(key) +
                  "` is for a sink of type jsonl, exec, webhook, redis, nats or kafka, this one is "
                  "of "
                  "type stdout");
}

TEST_CASE("what a sink was told is kept below its notifier's directory", "[config][check]") {
    auto config = default_config();
    SinkConfig sink;
    sink.name = "audit";
    sink.notifier = "n1";
    sink.type = SinkType::jsonl;
    CHECK(directory_of(config, sink) == "data/n1/audit");
    CHECK(directory_of(config, config.sinks.at(0)).empty());
}

TEST_CASE("what may be held is longer than a collector may be silent", "[config][check]") {
    CHECK(complaint("[presence]\ncollector_grace = \"20s\"\nfreeze_max = \"20s\"\n") ==
          "f:3: `freeze_max` = 20s must be longer than the collectors' grace of 20s");
    CHECK_THAT(complaint("[presence]\ntimeout = \"40s\"\nfreeze_max = \"30s\"\n"),
               Catch::Contains("must be longer than the collectors' grace of 40s"));
    CHECK(complaint("[presence]\ncollector_grace = \"20s\"\nfreeze_max = \"21s\"\n") == "accepted");
    CHECK(complaint("[presence]\ntimeout = \"2h\"\n") == "accepted");
    PresenceConfig config;
    CHECK(config.freeze_max_or_default() == 10min);
    config.timeout = 2h;
    CHECK(config.freeze_max_or_default() == 4h);
}
