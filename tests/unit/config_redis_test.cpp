#include <catch2/catch.hpp>

#include "common/config/read.hpp"
#include "common/config/redis_url.hpp"

using namespace presence;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// Of a sink whose type is in line 2 and whose other lines are these.
std::string complaint(const std::string& lines) {
    try {
        ConfigOrigin origin{"f", {}};
        Config config =
            read_config(parse_toml("[[sink]]\ntype = \"redis\"\n" + lines, "f"), origin);
        complete_config(config, origin);
        check_config(config, origin);
    } catch (const ConfigError& e) {
        return e.what();
    }
    return "accepted";
}

std::string fault_of(const std::string& text) {
    RedisUrl url;
    return parse_redis_url(text, url);
}

}  // namespace

TEST_CASE("a redis sink needs a url, and no secret beside it", "[config][redis]") {
    CHECK(complaint("url = \"redis://10.0.0.1\"\n") == "accepted");
    CHECK(complaint("") == "f:1: the sink `redis` needs a `url`: redis://HOST:PORT/DB");
    const std::string url = "url = \"unix:///run/redis.sock\"\n";
    CHECK_THAT(complaint(url + "password = \"x\"\n"), StartsWith("f:4: a password here"));
    CHECK(complaint(url + "user = \"x\"\n") == "f:4: `user` needs a `password_file`");
    CHECK(complaint(url + "user = \"x\"\npassword_file = \"p\"\n") == "accepted");
    CHECK_THAT(complaint(url + "batch_max = 5\n"), Contains("for a sink of type webhook"));
}

TEST_CASE("the url of a redis sink names a server or a socket, and a database", "[config][redis]") {
    RedisUrl url;
    CHECK(parse_redis_url("redis://cache.internal:7000/3", url).empty());
    CHECK((url.host == "cache.internal" && url.port == 7000 && url.db == 3 && url.path.empty()));
    CHECK(parse_redis_url("redis://[::1]", url).empty());
    CHECK((url.host == "::1" && url.port == 6379 && url.db == 0));
    CHECK(parse_redis_url("redis://127.0.0.1/", url).empty());
    CHECK(parse_redis_url("unix:///run/redis.sock?db=2", url).empty());
    CHECK((url.host.empty() && url.path == "/run/redis.sock" && url.db == 2));
    CHECK_THAT(fault_of("rediss://h"), Contains("TLS"));
    for (const char* text : {"", "h:6379", "http://h", "redis://", "redis://h:0", "redis://h:x",
                             "redis://h/x", "redis://h/-1", "redis://h/0/1", "redis://a b",
                             "unix://run/x", "unix:///x?d=1", "unix:///x?db=", "redis://[::1"})
        CHECK_FALSE(fault_of(text).empty());
}

TEST_CASE("a password in a url is refused, and not told", "[config][redis]") {
    for (const char* url : {"redis://:MfKQ9@h", "redis://user:MfKQ9@h:1/0"})
        CHECK_THAT(complaint("url = \"" + std::string(url) + "\"\n"),
                   StartsWith("f:3: `url`: a user or password") && !Contains("MfKQ9"));
}
