#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "common/config/config.hpp"

using namespace presence;

namespace {

// A file that lives as long as the test.
class File {
public:
    explicit File(const std::string& text) {
        char path[] = "/tmp/presence-config-XXXXXX";
        const int fd = ::mkstemp(path);
        REQUIRE(fd >= 0);
        ::close(fd);
        path_ = path;
        std::ofstream(path_, std::ios::binary) << text;
    }
    ~File() { std::remove(path_.c_str()); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

Config load(const std::string& text, const std::map<std::string, std::string>& environment = {},
            const std::map<std::string, std::string>& flags = {}) {
    const File file(text);
    return load_config(file.path(), environment, flags);
}

// The complaint without the file's name: ":LINE: message".
std::string complaint(const std::string& text,
                      const std::map<std::string, std::string>& environment = {},
                      const std::map<std::string, std::string>& flags = {}) {
    const File file(text);
    try {
        (void)load_config(file.path(), environment, flags);
    } catch (const ConfigError& e) {
        std::string message = e.what();
        CHECK(message.find('\n') == std::string::npos);
        if (message.starts_with(file.path())) message.erase(0, file.path().size());
        return message;
    }
    return "accepted";
}

}  // namespace

TEST_CASE("an empty file is the pipeline on this machine", "[config][load]") {
    const Config config = load("");
    CHECK((config.defaulted.collector && config.defaulted.tracker && config.defaulted.notifier &&
           config.defaulted.sink));
    CHECK_FALSE(load("[[collector]]\n").defaulted.collector);
    CHECK(config.presence.timeout == 30s);
    REQUIRE(config.collectors.size() == 1);
    CHECK(config.collectors[0].heartbeats == "tcp://127.0.0.1:7400");
    CHECK(config.collectors[0].heartbeats_bind == "tcp://127.0.0.1:7400");
    REQUIRE(config.trackers.size() == 1);
    CHECK(config.trackers[0].query == "tcp://127.0.0.1:7412");
    CHECK(config.trackers[0].data == "data/t1");
    REQUIRE(config.sinks.size() == 1);
    CHECK(config.sinks[0].type == SinkType::standard_output);
    CHECK(config.sinks[0].format == SinkFormat::text);
    CHECK(config.sinks[0].notifier == "n1");
}

TEST_CASE("the built-in configuration grows by number", "[config][load]") {
    const Config config = default_config(3, 2);
    CHECK(config.collectors.at(2).id == "c3");
    CHECK(config.collectors.at(2).heartbeats == "tcp://127.0.0.1:7402");
    CHECK(config.trackers.at(1).id == "t2");
    CHECK(config.trackers.at(1).ingest == "tcp://127.0.0.1:7420");
    CHECK_THROWS_AS(default_config(0, 1), ConfigError);
    CHECK_THROWS_AS(default_config(11, 1), ConfigError);
}

TEST_CASE("a file is read in full", "[config][load]") {
    const Config config = load(R"(
[presence]
cluster = "eu"
timeout = "10s"
allow_plaintext = true
[[collector]]
id = "a"
heartbeats = "tcp://10.0.0.1:7400"
heartbeats_bind = "tcp://*:7400"
[[sink]]
type = "exec"
command = ["cat", "-u"]
queue_max = 5
attempts_max = 6
give_up_after = "90s"
dead_max = 7
[[sink]]
name = "audit"
type = "jsonl"
path = "x.jsonl"
)");
    CHECK(config.presence.cluster == "eu");
    CHECK(config.presence.timeout == 10s);
    CHECK(config.presence.collector_grace_or_timeout() == 10s);
    CHECK(config.collectors.at(0).heartbeats_bind == "tcp://*:7400");
    CHECK(config.sinks.at(0).name == "exec");
    CHECK(config.sinks.at(0).command == std::vector<std::string>{"cat", "-u"});
    CHECK(config.sinks.at(0).queue_max == 5);
    CHECK(config.sinks.at(0).attempts_max == 6);
    CHECK(config.sinks.at(0).give_up_after == 90s);
    CHECK(config.sinks.at(0).dead_max == 7);
    CHECK(config.sinks.at(1).path == "x.jsonl");
}

TEST_CASE("an unknown key is told with its line and the nearest known one", "[config][load]") {
    CHECK(complaint("[presence]\ntimeuot = \"3s\"\n") ==
          ":2: unknown key `timeuot` in [presence]; did you mean `timeout`?");
    CHECK(complaint("\n[[tracker]]\nid = \"t1\"\nquerry = \"x\"\n") ==
          ":4: unknown key `querry` in [[tracker]]; did you mean `query`?");
    CHECK(complaint("[[snk]]\n") == ":1: unknown table `snk`; did you mean `sink`?");
    CHECK(complaint("timeout = \"3s\"\n") == ":1: `timeout` belongs under [presence]");
    CHECK(complaint("[presence]\nwhatever_else = 1\n") ==
          ":2: unknown key `whatever_else` in [presence]; there are `cluster`, `timeout`, "
          "`linger`, `collector_grace`, `freeze_max`, `edge_timeout`, `edge_grace`, "
          "`edge_lost_rate`, "
          "`users_max`, `resend_bytes_max`, `backlog_max`, `map_version`, `durability`, "
          "`journal_bytes_max`, `journal_age_max`, `data_root`, `on_start`, `on_shutdown`, "
          "`log_level`, `log_format`, `allow_plaintext`");
    CHECK(complaint("[logging]\n") ==
          ":1: unknown table `logging`; there are `presence`, "
          "`collector`, `tracker`, `notifier`, `sink`");
    CHECK(complaint("[presence]\ncluster = \"x\n").ends_with("; is a closing quote missing?"));
}

TEST_CASE("a value of the wrong type or out of range is told with its line", "[config][load]") {
    CHECK(complaint("[presence]\ntimeout = 30\n") ==
          ":2: `timeout` in [presence] must be a duration in quotes, such as \"30s\", not 30");
    CHECK_THAT(complaint("[presence]\ntimeout = \"soon\"\n"),
               Catch::StartsWith(":2: `timeout` in [presence] must be a duration such as 30s"));
    CHECK_THAT(complaint("[presence]\ntimeout = \"999ms\"\n"),
               Catch::Contains("between 1s and 24h"));
    CHECK_THAT(complaint("[presence]\ntimeout = \"1500001us\"\n"),
               Catch::Contains("whole milliseconds"));
    CHECK_THAT(complaint("[presence]\ncollector_grace = \"10ms\"\n"),
               Catch::Contains("(or be 0s)"));
    CHECK_THAT(complaint("[presence]\nusers_max = -1\n"), Catch::StartsWith(":2: `users_max`"));
    CHECK_THAT(complaint("[presence]\nlog_level = \"loud\"\n"),
               Catch::Contains("one of debug, info, warn, error, not `loud`"));
    CHECK_THAT(complaint("[presence]\nallow_plaintext = \"yes\"\n"),
               Catch::Contains("must be true or false"));
    CHECK_THAT(complaint("[presence]\ncluster = \"\"\n"), Catch::Contains("1 to 64 bytes"));
    CHECK_THAT(complaint("[[sink]]\ntype = \"exec\"\ncommand = \"cat\"\n"),
               Catch::Contains("must be a list of texts"));
    CHECK_THAT(complaint("[[sink]]\ntype = \"exec\"\ncommand = [1]\n"),
               Catch::Contains("must be a list of texts"));
    CHECK_THAT(complaint("[[sink]]\ntype = \"stdout\"\nqueue_max = 0\n"),
               Catch::StartsWith(":3: `queue_max`"));
    CHECK_THAT(complaint("[[sink]]\ntype = \"exec\"\ncommand = [\"x\"]\nattempts_max = -1\n"),
               Catch::StartsWith(":4: `attempts_max`"));
}

TEST_CASE("what is no TOML is told with its line", "[config][load]") {
    CHECK_THAT(complaint("[presence]\ntimeout = \n"), Catch::StartsWith(":2: "));
    CHECK_THAT(complaint("[presence]\ntimeout = \"1s\"\ntimeout = \"2s\"\n"),
               Catch::StartsWith(":3: "));
    CHECK_THAT(complaint("[tracker]\nid = \"t1\"\n"),
               Catch::StartsWith(":1: ") && Catch::Contains("[[tracker]]"));
    CHECK_THAT(complaint("[[presence]]\n"), Catch::Contains("write [presence]"));
    CHECK_THAT(complaint("collector = [1]\n"), Catch::Contains("[[collector]]"));
    CHECK_THROWS_WITH(load_config("/nowhere/x.toml", {}, {}),
                      Catch::Contains("/nowhere/x.toml: cannot be read: No such file"));
    CHECK_THROWS_WITH(load_config("/tmp", {}, {}), Catch::Contains("/tmp: cannot be read"));
}

TEST_CASE("a flag wins over the environment, the environment over the file", "[config][load]") {
    const std::string file = "[presence]\ntimeout = \"10s\"\nusers_max = 7\n";
    CHECK(load(file).presence.timeout == 10s);
    CHECK(load(file, {{"PRESENCE_TIMEOUT", "20s"}}).presence.timeout == 20s);
    const Config all = load(file, {{"PRESENCE_TIMEOUT", "20s"}, {"PRESENCE_MAP_VERSION", "3"}},
                            {{"timeout", "40s"}});
    CHECK(all.presence.timeout == 40s);
    CHECK(all.presence.map_version == 3);
    CHECK(all.presence.users_max == 7);
    CHECK(load_config({}, {{"PRESENCE_CLUSTER", "x"}}, {}).presence.cluster == "x");
}

TEST_CASE("who made a setting another than the file's is named", "[config][load]") {
    const std::string file = "[presence]\ntimeout = \"10s\"\nusers_max = 7\nlinger = \"1s\"\n";
    CHECK(load(file).overrides.empty());
    const auto config = load(
        file, {{"PRESENCE_TIMEOUT", "20s"}, {"PRESENCE_LINGER", "2s"}, {"PRESENCE_USERS_MAX", "7"}},
        {{"timeout", "30s"}, {"edge_grace", "5s"}});
    CHECK(overrides_of(config) ==
          "timeout by --timeout, linger by PRESENCE_LINGER, edge_grace by --edge-grace");
    const auto printed = print_config(config);
    for (const auto* line :
         {"\n# --timeout; without it: \"10s\"\ntimeout = \"30s\"\n",
          "\n# PRESENCE_LINGER; without it: \"1s\"\n", "\n# --edge-grace; without it: \"30s\"\n"})
        CHECK_THAT(printed, Catch::Contains(line));
    CHECK_THAT(printed, !Catch::Contains("PRESENCE_USERS_MAX"));
    CHECK(config.warnings.empty());
}

TEST_CASE("a version of a file's list that is not the file's is a warning", "[config][load]") {
    const std::string file = "[presence]\nmap_version = 5\n[[tracker]]\n";
    const auto config = load(file, {{"PRESENCE_MAP_VERSION", "7"}});
    REQUIRE(config.warnings.size() == 1);
    CHECK_THAT(config.warnings[0],
               Catch::StartsWith("map_version is 7 by PRESENCE_MAP_VERSION, not 5 as without it"));
    CHECK(load(file, {{"PRESENCE_MAP_VERSION", "5"}}).warnings.empty());
    CHECK(load(file, {}, {{"map_version", "7"}}).warnings.empty());
}

TEST_CASE("wrong values of environment and flags name their source", "[config][load]") {
    CHECK(complaint("", {{"PRESENCE_USERS_MAX", "many"}}) ==
          "PRESENCE_USERS_MAX must be a whole number, not `many`");
    CHECK_THAT(complaint("", {}, {{"collector_grace", "1"}}),
               Catch::StartsWith("--collector-grace must be a duration"));
    CHECK_THAT(complaint("", {{"PRESENCE_TIMEOUT", ""}}), Catch::Contains("not ``"));
    CHECK_THAT(complaint("", {{"PRESENCE_ALLOW_PLAINTEXT", "1"}}),
               Catch::Contains("true or false"));
}

TEST_CASE("an unknown variable near a setting is refused, another one is a warning",
          "[config][load]") {
    CHECK(complaint("", {{"PRESENCE_TIMEUOT", "3s"}}) ==
          "environment: unknown variable PRESENCE_TIMEUOT; did you mean PRESENCE_TIMEOUT?");
    CHECK_THROWS_WITH(load_config({}, {{"PRESENCE_TIMEOUTS", "3s"}}, {}),
                      Catch::Contains("did you mean PRESENCE_TIMEOUT?"));
    const Config config = load("", {{"PRESENCE_PORT", "tcp://10.0.0.1:80"}});
    REQUIRE(config.warnings.size() == 1);
    CHECK_THAT(config.warnings[0], Catch::Contains("PRESENCE_PORT"));
}

namespace {

// Of a file with several things wrong: each complaint without the file's name.
std::vector<std::string> complaints(const std::string& text) {
    const File file(text);
    std::vector<std::string> all;
    try {
        (void)load_config(file.path(), {}, {});
    } catch (const ConfigError& e) {
        std::istringstream lines(e.what());
        for (std::string line; std::getline(lines, line);)
            all.push_back(line.substr(file.path().size()));
    }
    return all;
}

}  // namespace

TEST_CASE("all that is wrong with a file is told at once, in its order", "[config][load]") {
    const auto all = complaints(
        "[presence]\ntimeuot = \"3s\"\ntimeout = 3\nusers_max = 0\n"
        "[[tracker]]\nid = \"\"\nevents = \"ipc:///x\"\n"
        "[[collector]]\nheartbeats = \"ipc:///x\"\n[[sink]]\ntype = \"jsonl\"\n[[what]]\n");
    REQUIRE(all.size() == 7);
    CHECK(all[0].starts_with(":2: unknown key `timeuot`"));
    CHECK(all[1].starts_with(":3: `timeout` in [presence] must be a duration in quotes"));
    CHECK(all[2].starts_with(":4: `users_max` in [presence] must lie between"));
    CHECK(all[3].starts_with(":6: `id` in [[tracker]] is 1 to 64 of the characters"));
    CHECK(all[4].starts_with(":9: `heartbeats` = `ipc:///x`"));
    CHECK(all[5].starts_with(":10: the sink `jsonl` needs a `path`"));
    CHECK(all[6].starts_with(":12: unknown table `what`"));
}

TEST_CASE("a duration without quotes gets the sentence that a number gets", "[config][load]") {
    const std::string sentence =
        "`timeout` in [presence] must be a duration in quotes, such as \"30s\"";
    CHECK(complaint("[presence]\ntimeout = 30\n") == ":2: " + sentence + ", not 30");
    CHECK(complaint("[presence]\ntimeout = 30s\n") == ":2: " + sentence + ", not 30s");
    CHECK(complaint("# x\n[[sink]]\n  timeout=500ms # soon\n") ==
          ":3: `timeout` in [[sink]] must be a duration in quotes, such as \"30s\", not 500ms");
    CHECK(complaint("[presence]\nusers_max = 30x\n").find("quotes, such as") == std::string::npos);
}

TEST_CASE("durations without quotes are all told at once", "[config][load]") {
    const auto all = complaints(
        "[presence]\ntimeout = 30s\nlinger=5s # soon\n[[sink]]\ntimeout = 1s\nname = x\n");
    REQUIRE(all.size() == 4);
    CHECK(all[0].starts_with(":2: `timeout` in [presence] must be a duration in quotes"));
    CHECK(all[1].starts_with(":3: `linger` in [presence] must be a duration in quotes"));
    CHECK(all[2].starts_with(":5: `timeout` in [[sink]] must be a duration in quotes"));
    CHECK(all[3].starts_with(":6: "));
    std::string many = "[presence]\n";
    for (int n = 0; n < 30; ++n)
        many += "k" + std::to_string(n) + " = 1s\n";
    CHECK(complaints(many).size() == 20);
}

TEST_CASE("data paths that are relative begin at data_root", "[config][load]") {
    const auto config = load(
        "[presence]\ndata_root = \"/var/lib/presence\"\n[[tracker]]\n[[tracker]]\ndata = "
        "\"/elsewhere\"\n[[sink]]\ntype = \"jsonl\"\npath = \"out.jsonl\"\n");
    CHECK(config.trackers[0].data == "/var/lib/presence/data/t1");
    CHECK(config.trackers[1].data == "/elsewhere");
    CHECK(config.notifiers[0].data == "/var/lib/presence/data/n1");
    CHECK(config.sinks[0].path == "/var/lib/presence/out.jsonl");
    CHECK(load(print_config(config)).trackers[0].data == config.trackers[0].data);
    CHECK(load("", {}, {{"data_root", "/a"}}).trackers[0].data == "/a/data/t1");
    CHECK(complaint("[presence]\ndata_root = \"here\"\n").find("absolute path") !=
          std::string::npos);
    CHECK(load("").trackers[0].data == "data/t1");
}

TEST_CASE("what is wrong with a flag is the flag's, what contradicts the file only with it too",
          "[config][load]") {
    CHECK_THROWS_AS(load("", {}, {{"timeout", "soon"}}), FlagError);
    CHECK_THROWS_AS(load("", {}, {{"freeze_max", "1s"}}), FlagError);
    CHECK_THROWS_AS(load("", {{"PRESENCE_TIMEOUT", "soon"}}, {{"log_level", "warn"}}), ConfigError);
    try {
        (void)load("[[sink]]\ntype = \"jsonl\"\n", {}, {{"freeze_max", "1s"}});
        FAIL("accepted");
    } catch (const FlagError&) {
        FAIL("it is not the flags'");
    } catch (const ConfigError&) {
    }
}

TEST_CASE("more collectors than have a default endpoint are told the bound", "[config][load]") {
    std::string text;
    for (int i = 0; i < 12; ++i)
        text += "[[collector]]\n";
    const auto all = complaints(text);
    REQUIRE(all.size() == 2);
    CHECK(all[0].find("only the first 10 collectors have a default, ports 7400 to 7409") !=
          std::string::npos);
}

TEST_CASE("the variable that names the file is no setting, and none that is ignored",
          "[config][load]") {
    CHECK(load("", {{"PRESENCE_CONFIG", "x.toml"}}).warnings.empty());
    CHECK(complaint("", {{"PRESENCE_CONFG", "x.toml"}}).find("PRESENCE_CONFIG") !=
          std::string::npos);
}

TEST_CASE("a version of a list of trackers without a tracker is a file that was cut", "[config]") {
    CHECK(
        complaint("[presence]\nmap_version = 9\n") ==
        ":2: `map_version` = 9 is the version of a list of trackers, and there is no [[tracker]]: "
        "was the file cut short?");
    CHECK(load("[presence]\nmap_version = 9\n[[tracker]]\nid = \"t1\"\n").trackers.size() == 1);
}
