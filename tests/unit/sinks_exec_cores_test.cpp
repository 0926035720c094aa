#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "notifier/sinks/culprit.hpp"
#include "notifier/sinks/exec/answers.hpp"
#include "notifier/sinks/handover.hpp"

using namespace presence;
using namespace presence::notifier;
using Answer = Handover::Answer;

namespace {

Instant at(Duration after) {
    return Instant{} + after;
}

std::vector<Handover::Line> lines_of(const std::string& ids) {
    std::vector<Handover::Line> lines;
    for (const char id : ids)
        lines.push_back({{id}, std::string{id} + id + "\n"});
    return lines;
}

// All that may be written now, as ids.
std::string write_all(Handover& handover, bool alone = false) {
    std::string written;
    while (!handover.to_write(alone).empty()) {
        if (const char id = handover.to_write(alone)[0]; id != '\n') written += id;
        handover.wrote(1);
    }
    std::string ids;
    for (std::size_t i = 0; i < written.size(); i += 2)
        ids += written[i];
    return ids;
}

std::string id_of(const Handover::Line* line) {
    return line == nullptr ? "" : line->id;
}

}  // namespace

TEST_CASE("lines are done once each is acknowledged, in any order", "[notifier][exec]") {
    Handover handover(lines_of("abc"));
    CHECK(id_of(handover.oldest()).empty());
    CHECK(write_all(handover) == "abc");
    CHECK(handover.on_answer("b") == Answer::taken);
    CHECK(handover.on_answer("b") == Answer::again);
    CHECK(handover.on_answer("x") == Answer::unknown);
    CHECK(id_of(handover.oldest()) == "a");
    CHECK(handover.on_answer("a") == Answer::taken);
    CHECK(handover.on_answer("a") == Answer::again);
    CHECK(id_of(handover.oldest()) == "c");
    CHECK_FALSE(handover.done());
    CHECK(handover.on_answer("c") == Answer::taken);
    CHECK(handover.done());
    CHECK(id_of(handover.oldest()).empty());
}

TEST_CASE("what was not given cannot be acknowledged", "[notifier][exec]") {
    Handover handover(lines_of("ab"));
    CHECK(handover.on_answer("a") == Answer::unknown);
    handover.wrote(2);  // of three bytes
    CHECK(handover.on_answer("a") == Answer::unknown);
    CHECK(id_of(handover.oldest()) == "a");
    CHECK(handover.to_write(false) == "\n");
    handover.wrote(1);
    CHECK(handover.on_answer("a") == Answer::taken);
    CHECK(handover.on_answer("b") == Answer::unknown);
}

TEST_CASE("the next program gets all from the first line that was not acknowledged, in order",
          "[notifier][exec]") {
    Handover handover(lines_of("abcd"));
    (void)write_all(handover);
    (void)handover.on_answer("a");
    (void)handover.on_answer("c");
    handover.begin_again();
    CHECK(id_of(handover.oldest()).empty());
    CHECK(handover.bytes_left() == 9);
    CHECK(handover.on_answer("c") == Answer::unknown);  // of the program before
    CHECK(write_all(handover) == "bcd");
}

TEST_CASE("alone, a line waits for the answer to the one before", "[notifier][exec]") {
    Handover handover(lines_of("abc"));
    CHECK(write_all(handover, true) == "a");
    CHECK(write_all(handover, true).empty());
    (void)handover.on_answer("a");
    CHECK(write_all(handover, true) == "b");
    handover.give_up_oldest();
    CHECK(write_all(handover, true) == "c");
    handover.give_up_oldest();
    CHECK(handover.done());
}

TEST_CASE("the same lines are known again", "[notifier][exec]") {
    const Handover handover(lines_of("abc"));
    CHECK(handover.is_of(lines_of("abc")));
    CHECK_FALSE(handover.is_of(lines_of("ab")));
    CHECK_FALSE(handover.is_of(lines_of("abd")));
}

TEST_CASE("whatever a program does, it is given what it has not acknowledged, in order",
          "[notifier][exec]") {
    rc::prop("whatever the seed", [](std::uint64_t seed) {
        std::minstd_rand random(static_cast<unsigned>(seed));
        const std::string ids = "abcdefgh";
        Handover handover(lines_of(ids));
        std::set<char> handled;
        std::size_t next = 0;  // to be given to the program that runs
        for (int step = 0; step < 100'000 && !handover.done(); ++step) {
            const auto what = random() % 8;
            if (what == 0) {
                handover.begin_again();
                for (next = 0; handled.count(ids[next]) == 1;)
                    ++next;
                // Those behind are given again, and do not count.
                handled = {ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(next)};
            } else if (what < 4) {
                const auto bytes = handover.to_write(what == 1);
                if (bytes.size() == 3) RC_ASSERT(bytes[0] == ids[next++]);
                if (!bytes.empty()) handover.wrote(1);
            } else {
                const char id = ids[random() % ids.size()];
                if (handover.on_answer({&id, 1}) == Answer::taken) handled.insert(id);
            }
        }
        RC_ASSERT(handover.done());
        RC_ASSERT(handled.size() == ids.size());
    });
}

TEST_CASE("the line with which a program ends alone, so often, is given up", "[notifier][exec]") {
    const auto now = at(0s);
    Culprit culprit(3, 0s);
    CHECK_FALSE(culprit.suspects());
    CHECK(culprit.on_end("a", now) == 0);  // others were under way
    CHECK(culprit.suspects());
    CHECK(culprit.on_end("b", now) == 0);
    CHECK(culprit.on_end("", now) == 0);
    CHECK(culprit.on_end("b", now) == 0);
    CHECK(culprit.on_end("c", now) == 0);
    CHECK(culprit.on_end("b", now) == 3);
    CHECK(culprit.on_end("b", now) == 4);  // it could not be given up
    culprit.forget("b");
    CHECK(culprit.suspects());
    CHECK(culprit.on_end("b", now) == 0);
}

TEST_CASE("what was borne is suspected no more", "[notifier][exec]") {
    const auto now = at(0s);
    Culprit culprit(2, 0s);
    (void)culprit.on_end("", now);
    (void)culprit.on_end("a", now);
    culprit.on_borne();
    CHECK_FALSE(culprit.suspects());
    CHECK(culprit.on_end("a", now) == 0);
    CHECK(culprit.on_end("a", now) == 0);
    CHECK(culprit.on_end("a", now) == 2);
}

TEST_CASE("where nothing is given up, lines need not be alone", "[notifier][exec]") {
    const auto now = at(0s);
    Culprit culprit(0, 0s);
    for (int n = 0; n < 100; ++n)
        CHECK(culprit.on_end("a", now) == 0);
    CHECK_FALSE(culprit.suspects());
}

TEST_CASE("a line with which a program ends for so long is given up, but not one after the other",
          "[notifier][exec]") {
    Culprit culprit(0, 1h);
    CHECK(culprit.on_end("a", at(0s)) == 0);
    CHECK(culprit.suspects());
    CHECK(culprit.on_end("a", at(1s)) == 0);
    CHECK(culprit.on_end("a", at(1h)) == 0);
    CHECK(culprit.on_end("a", at(1h + 1s)) == 3);
    culprit.forget("a");
    for (int n = 1; n < Culprit::kInARow; ++n) {
        const auto line = std::to_string(n);
        CHECK(culprit.on_end(line, at(2h)) == 0);
        CHECK(culprit.on_end(line, at(3h)) == 2);
        culprit.forget(line);
    }
    CHECK(culprit.on_end("x", at(4h)) == 0);
    CHECK(culprit.on_end("x", at(5h)) == 0);  // the program ends whatever it is given
    culprit.on_borne();
    (void)culprit.on_end("", at(5h));
    CHECK(culprit.on_end("x", at(5h)) == 0);
    CHECK(culprit.on_end("x", at(6h)) == 2);
}

TEST_CASE("answers are lines of JSON with an id, however they are cut", "[notifier][exec]") {
    const std::string said =
        "{\"id\":\"1.2.3\"}\r\n\n  {\"id\":\"gap.t1.5\",\"took_ms\":[3]}\n\nhello\n{\"id\":7}\n"
        "{\"id\":\"\"}\n[\"id\"]\n{\"id\":\"x\"";
    for (std::size_t cut = 0; cut <= said.size(); ++cut) {
        Answers answers;
        auto lines = answers.take(said.substr(0, cut));
        for (auto& line : answers.take(said.substr(cut)))
            lines.push_back(line);
        REQUIRE(lines.size() == 6);
        CHECK(lines[0].id == "1.2.3");
        CHECK(lines[1].id == "gap.t1.5");
        for (std::size_t i = 2; i < 6; ++i) {
            CHECK(lines[i].id.empty());
            CHECK(std::string(lines[i].fault) == Answers::kNoAnswer);
        }
    }
}

TEST_CASE("a line without end takes no memory, and what follows is read", "[notifier][exec]") {
    Answers answers;
    for (int n = 0; n < 1'000; ++n)
        CHECK(answers.take(std::string(10'000, '[')).empty());
    const auto lines = answers.take("]\n{\"id\":\"a\"}\n");
    REQUIRE(lines.size() == 2);
    CHECK(std::string(lines[0].fault) == Answers::kTooLong);
    CHECK(lines[1].id == "a");
    std::string deep(4'000, '[');
    deep += '\n';
    CHECK(std::string(answers.take(deep).front().fault) == Answers::kNoAnswer);  // no recursion
}
