#include "common/io/flags.hpp"

#include <catch2/catch.hpp>
#include <iostream>
#include <sstream>

#include "common/config/built_in.hpp"
#include "common/config/schema.hpp"
#include "common/io/program.hpp"

using namespace presence;
using Catch::Matchers::Contains;
using Catch::Matchers::Equals;
using io::Flags;
using io::UsageError;

namespace {

using Line = std::vector<const char*>;

std::optional<int> parse(Flags& flags, Line line) {
    line.insert(line.begin(), "program");
    return flags.parse(static_cast<int>(line.size()), line.data());
}

int run(Flags& flags, Line line) {
    line.insert(line.begin(), "program");
    return flags.run(static_cast<int>(line.size()), line.data());
}

// What the line is refused with.
std::string complaint(Flags& flags, const Line& line) {
    try {
        (void)parse(flags, line);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "";
}

// What is answered to --help or --version on standard output.
std::string said(Flags& flags, const Line& line) {
    const std::ostringstream out;
    auto* const before = std::cout.rdbuf(out.rdbuf());
    const auto code = parse(flags, line);
    std::cout.rdbuf(before);
    CHECK(code == 0);
    return out.str();
}

// One flag of each kind, with a default.
struct EachKind {
    EachKind() {
        flags.toggle("--json", json, "as JSON");
        flags.text("-n,--name", "NAME", name, "who");
        flags.text("--file", "FILE", file, "where");
        flags.number("--count", 1, 10, count, "how many");
        flags.duration("--every", 100ms, 1h, every, "how often");
    }
    Flags flags{"program", "does things"};
    bool json = false;
    std::string name = "nobody";
    std::optional<std::string> file;
    std::uint64_t count = 5;
    std::optional<Duration> every = 7s;
};

}  // namespace

TEST_CASE("a flag that is absent leaves its variable alone", "[io][flags]") {
    EachKind of;
    CHECK(parse(of.flags, {}) == std::nullopt);
    CHECK_FALSE(of.json);
    CHECK(of.name == "nobody");
    CHECK(of.file == std::nullopt);
    CHECK(of.count == 5);
    CHECK(of.every == 7s);
}

TEST_CASE("a flag that is given sets its variable and no other", "[io][flags]") {
    EachKind of;
    CHECK(parse(of.flags, {"--json", "-n", "alice", "--file=a b", "--count", "9", "--every",
                           "500ms"}) == std::nullopt);
    CHECK(of.json);
    CHECK(of.name == "alice");
    CHECK(of.file == "a b");
    CHECK(of.count == 9);
    CHECK(of.every == 500ms);

    EachKind other;
    CHECK(parse(other.flags, {"--name", "bob"}) == std::nullopt);
    CHECK(other.name == "bob");
    CHECK_FALSE(other.json);
    CHECK(other.count == 5);
}

TEST_CASE("a number is a whole one within its bounds, both of them included", "[io][flags]") {
    for (const auto* good : {"1", "10"}) {
        EachKind of;
        CHECK(parse(of.flags, {"--count", good}) == std::nullopt);
        CHECK(std::to_string(of.count) == good);
    }
    for (const std::string bad : {"0", "11", "-1", "1.5", "1x", "x", "", "99999999999999999999"}) {
        EachKind of;
        INFO(bad);
        CHECK_THAT(complaint(of.flags, {"--count", bad.c_str()}),
                   Contains("--count must be a whole number between 1 and 10, not `" + bad + "`"));
        CHECK(of.count == 5);
    }
}

TEST_CASE("a duration lies within its bounds, both of them included", "[io][flags]") {
    EachKind of;
    CHECK(parse(of.flags, {"--every", "100ms"}) == std::nullopt);
    CHECK(of.every == 100ms);
    CHECK(parse(of.flags, {"--every", "1h"}) == std::nullopt);
    CHECK(of.every == 1h);
    for (const auto* bad : {"99ms", "61m"})
        CHECK_THAT(complaint(of.flags, {"--every", bad}),
                   Contains("--every must lie between 100ms and 1h, not `" + std::string(bad)));
    CHECK_THAT(complaint(of.flags, {"--every", "5"}),
               Contains("--every must be a duration such as 30s, 500ms, 2m or 1h, not `5`"));
    CHECK(of.every == 1h);
}

TEST_CASE("a command takes as many words as it names, not fewer and not more", "[io][flags]") {
    const auto words = [](std::size_t least, std::size_t most, const Line& line) {
        Flags flags("program", "does things");
        std::vector<std::string> into{"default"};
        flags.words("ID", least, most, into, "which");
        const auto refused = complaint(flags, line);
        return refused.empty() ? into : std::vector<std::string>{refused};
    };
    const std::string see = " (see `program --help`)";
    CHECK_THAT(words(0, 2, {}), Equals(std::vector<std::string>{"default"}));
    CHECK_THAT(words(1, 2, {"a"}), Equals(std::vector<std::string>{"a"}));
    CHECK_THAT(words(1, 2, {"a", "b"}), Equals(std::vector<std::string>{"a", "b"}));
    CHECK_THAT(words(1, 2, {}), Equals(std::vector<std::string>{"say which ID" + see}));
    CHECK_THAT(words(1, 2, {"a", "b", "c"}),
               Equals(std::vector<std::string>{"more than 2 of ID are given" + see}));
}

TEST_CASE("each scalar setting of [presence] is a flag, by its key", "[io][flags]") {
    for (const auto& setting : presence_schema().settings) {
        Flags flags("program", "does things");
        std::map<std::string, std::string> given;
        flags.settings(given);
        std::string name = "--" + std::string(setting.key);
        std::replace(name.begin(), name.end(), '_', '-');
        INFO(name);
        CHECK(parse(flags, {name.c_str(), "x"}) == std::nullopt);
        CHECK(given == std::map<std::string, std::string>{{std::string(setting.key), "x"}});
    }
}

TEST_CASE("--help shows the flags, then the epilogue; --version the version", "[io][flags]") {
    EachKind of;
    of.flags.epilogue("Exit codes: 0.");
    const auto help = said(of.flags, {"--help"});
    CHECK_THAT(help, Contains("does things"));
    CHECK_THAT(help, Contains("--file FILE"));
    CHECK(help.find("Exit codes: 0.") > help.find("--every"));
    CHECK(help.find("Exit codes: 0.") != std::string::npos);
    CHECK(said(of.flags, {"-h"}) == help);
    CHECK(said(of.flags, {"--version"}) ==
          "program " + io::version() + "\nsinks: " + enumerated(sinks_built_in(), ", ") + "\n");
}

TEST_CASE("the subcommand that is given is run, with flags of its own", "[io][flags]") {
    Flags flags("program", "does things");
    std::string ran;
    bool loud = false;
    flags.command("get", "one", [&] {
        ran += "get";
        return 3;
    });
    auto& list = flags.command("list", "all", [&] {
        ran += loud ? "LIST" : "list";
        return 4;
    });
    list.toggle("--loud", loud, "louder");
    auto& dead = flags.command("dead", "what was given up");
    dead.command("drop", "forget it", [&] {
        ran += "drop";
        return 5;
    });

    CHECK(run(flags, {"get"}) == 3);
    CHECK(ran == "get");
    CHECK(run(flags, {"list", "--loud"}) == 4);
    CHECK(ran == "getLIST");
    CHECK(run(flags, {"dead", "drop"}) == 5);
    CHECK(ran == "getLISTdrop");
    CHECK_THROWS_AS(run(flags, {"get", "--loud"}), UsageError);
    CHECK(ran == "getLISTdrop");
}

TEST_CASE("what is wrong with a line is said in our own words", "[io][flags]") {
    EachKind of;
    const std::string see = " (see `program --help`)";
    CHECK(complaint(of.flags, {"--jsom"}) == "unknown flag `--jsom`; did you mean `--json`?" + see);
    CHECK(complaint(of.flags, {"--json=yes"}) == "--json takes no value" + see);
    CHECK(complaint(of.flags, {"--name"}) == "--name needs a value: --name NAME" + see);
    CHECK(complaint(of.flags, {"--name", "a", "--name", "b"}) == "--name is given twice" + see);
    CHECK(complaint(of.flags, {"x"}) == "unexpected `x`" + see);

    Flags commands("program", "does things");
    auto& dead = commands.command("dead", "what was given up");
    dead.command("drop", "forget it", [] { return 0; });
    CHECK(complaint(commands, {}) == "say what to do, for example `program dead`" + see);
    CHECK(complaint(commands, {"deat"}) == "unknown command `deat`; did you mean `dead`?" + see);
    CHECK_THAT(complaint(commands, {"dead"}),
               Equals("say what to do, for example `program dead drop` (see `program dead "
                      "--help`)"));
}

TEST_CASE("a complaint is one line, whatever was given", "[io][flags]") {
    EachKind of;
    CHECK(complaint(of.flags, {"--a\nb\x1b[2J"}).find_first_of("\n\x1b") == std::string::npos);
}
