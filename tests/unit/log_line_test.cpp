#include <catch2/catch.hpp>

#include "common/io/log_line.hpp"

using namespace presence;
using namespace presence::io::log;

namespace {
const WallTime kAt{std::chrono::milliseconds{1'795'492'995'123}};
}

TEST_CASE("a logfmt line reads as words", "[log]") {
    CHECK(
        logfmt_line(kAt, "info", "t1", "slot_taken",
                    {{"slot", 3}, {"epoch", 7u}, {"ratio", 0.5}, {"ok", true}, {"why", "none"}}) ==
        "time=2026-11-24T04:03:15.123Z level=info process=t1 event=slot_taken slot=3 epoch=7 "
        "ratio=0.5 ok=true why=none");
}

TEST_CASE("a logfmt value that could be misread is quoted", "[log]") {
    const auto value = [](std::string_view v) {
        const auto line = logfmt_line(kAt, "i", "p", "e", {{"v", v}});
        return line.substr(line.find(" v=") + 3);
    };
    CHECK(value("") == R"("")");
    CHECK(value("a b") == R"("a b")");
    CHECK(value("a=b") == R"("a=b")");
    CHECK(value("say \"hi\"") == R"("say \"hi\"")");
    CHECK(value("a\nlevel=error") == R"("a\nlevel=error")");
    CHECK(value(std::string_view("\0\x1b[31m", 6)) == R"("\u0000\u001b[31m")");
    CHECK(value("tcp://127.0.0.1:7400") == "tcp://127.0.0.1:7400");
}

TEST_CASE("a JSON line escapes whatever bytes it is given", "[log]") {
    CHECK(json_line(kAt, "warn", "t1", "drop",
                    {{"n", 3}, {"ok", false}, {"text", "a\"b\\c\n\x01"}, {"digits", "3"}}) ==
          R"({"time":"2026-11-24T04:03:15.123Z","level":"warn","process":"t1","event":"drop",)"
          R"("n":3,"ok":false,"text":"a\"b\\c\n\u0001","digits":"3"})");
    CHECK_THAT(json_line(kAt, "i", "p", "e", {{"v", "\xff\xfe ok"}}),
               Catch::Contains(R"("v":"\ufffd\ufffd ok")"));
    CHECK_THAT(json_line(kAt, "i", "p", "e", {{"v", "é"}}), Catch::Contains(R"("v":"é")"));
    CHECK_THAT(json_line(kAt, "i", "p", "e", {{"v", 0.0 / 0.0}}), Catch::Contains("nan\""));
}
