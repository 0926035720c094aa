#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>
#include <random>

#include "notifier/sinks/redis/redis.hpp"
#include "notifier/sinks/redis/resp.hpp"

using namespace presence::notifier;
using Catch::Matchers::Contains;
using Type = Reply::Type;

TEST_CASE("a command is an array of bulk strings", "[notifier][redis]") {
    std::string out;
    const std::vector<std::string_view> words{"GET", std::string_view("a\0b", 3), ""};
    append_command(out, words);
    CHECK(out == std::string("*3\r\n$3\r\nGET\r\n$3\r\na\0b\r\n$0\r\n\r\n", 28));
    out.clear();
    append_bulk(out, -12);
    CHECK(out == "$3\r\n-12\r\n");
}

TEST_CASE("replies are read however they are cut", "[notifier][redis]") {
    const std::string said =
        "+OK\r\n-ERR no\r\n:-7\r\n$4\r\na\r\nb\r\n$-1\r\n*-1\r\n*3\r\n:1\r\n*0\r\n$0\r\n\r\n";
    for (std::size_t cut = 0; cut <= said.size(); ++cut) {
        ReplyReader reader;
        std::vector<Reply> all;
        for (const auto& part : {said.substr(0, cut), said.substr(cut)}) {
            reader.feed(part);
            while (auto reply = reader.next())
                all.push_back(*reply);
        }
        REQUIRE(all.size() == 7);
        CHECK((all[0].type == Type::status && all[0].text == "OK"));
        CHECK((all[1].type == Type::error && all[1].text == "ERR no"));
        CHECK((all[2].type == Type::integer && all[2].integer == -7));
        CHECK((all[3].type == Type::bulk && all[3].text == "a\r\nb"));
        CHECK(all[4].type == Type::nil);
        CHECK(all[5].type == Type::nil);
        REQUIRE(all[6].array.size() == 3);
        CHECK(all[6].array[1].array.empty());
        CHECK(all[6].array[2].type == Type::bulk);
    }
}

TEST_CASE("what is no reply, or makes room for more than was asked for, is refused",
          "[notifier][redis]") {
    for (const char* said :
         {"HTTP/1.1 400 Bad Request\r\n", "\r\n", "$x\r\n", ":\r\n", "$-2\r\n", "$99999999999\r\n",
          "*1000000000\r\n", "*-2\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"}) {
        ReplyReader reader;
        reader.feed(said);
        CHECK_THROWS_AS((void)reader.next(), BadReply);
    }
    ReplyReader reader;
    reader.feed(std::string(ReplyReader::kBytesMax + 1, '+'));
    CHECK_THROWS_AS((void)reader.next(), BadReply);
}

TEST_CASE("whatever comes, a reader takes it or refuses it", "[notifier][redis]") {
    rc::prop("whatever the seed", [](std::uint64_t seed) {
        std::minstd_rand random(static_cast<unsigned>(seed));
        const std::string alphabet = "+-:$*0123\r\n\r\n";
        ReplyReader reader;
        try {
            for (int n = 0; n < 200; ++n) {
                reader.feed({&alphabet[random() % alphabet.size()], 1});
                while (reader.next()) {
                }
            }
        } catch (const BadReply&) {
        }
    });
}

TEST_CASE("an error of a server comes with what to do", "[notifier][redis]") {
    CHECK_THAT(redis_advice("CROSSSLOT Keys in request"), Contains("prefix = \"{presence}:\""));
    CHECK_THAT(redis_advice("READONLY You can't write"), Contains("primary"));
    CHECK_THAT(redis_advice("NOAUTH Authentication"), Contains("password_file"));
    CHECK(redis_advice("ERR something").empty());
}
