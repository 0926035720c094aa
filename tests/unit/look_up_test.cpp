#include <poll.h>

#include <catch2/catch.hpp>
#include <future>

#include "common/io/look_up.hpp"
#include "no_files.hpp"

using namespace presence;
using namespace presence::io;

namespace {

bool ready(const LookUp& look_up, int ms) {
    pollfd news{look_up.fd(), POLLIN, 0};
    return ::poll(&news, 1, ms) == 1;
}

}  // namespace

TEST_CASE("addresses and localhost are known without asking anybody", "[io][look_up]") {
    const auto nobody = [](const std::string&) -> Found { throw std::logic_error("asked"); };
    for (const char* host : {"127.0.0.1", "[::1]", "[2001:db8::1]", "*"}) {
        LookUp look_up(host, nobody);
        REQUIRE(ready(look_up, 0));
        CHECK(look_up.take()->hosts == std::vector<std::string>{host});
        CHECK_FALSE(look_up.take());
    }
    CHECK(known("LOCALHOST")->hosts == std::vector<std::string>{"127.0.0.1", "[::1]"});
    CHECK_FALSE(known("t1.example"));
}

TEST_CASE("a name that takes long delays no other, and nobody waits for it", "[io][look_up]") {
    std::promise<void> answer;
    std::shared_future<void> answered = answer.get_future();
    LookUp slow("slow.example", [answered](const std::string&) {
        answered.wait();
        return Found{{"10.0.0.1"}, {}};
    });
    LookUp fast("fast.example", [](const std::string& host) {
        return Found{{}, host + " is unknown"};
    });
    REQUIRE(ready(fast, 10'000));
    CHECK(fast.take()->failure == "fast.example is unknown");
    CHECK_FALSE(slow.take());
    SECTION("its outcome comes") {
        answer.set_value();
        REQUIRE(ready(slow, 10'000));
        CHECK(slow.take()->hosts == std::vector<std::string>{"10.0.0.1"});
    }
    SECTION("it is left behind") {
        { const LookUp gone = std::move(slow); }
        answer.set_value();
    }
}

TEST_CASE("where no file can be opened, a look-up has an outcome at once", "[io][look_up]") {
    const NoFiles none;
    LookUp address("10.0.0.1");
    CHECK(address.fd() == -1);
    CHECK(address.take()->hosts == std::vector<std::string>{"10.0.0.1"});
    LookUp name("t1.example", [](const std::string&) { return Found{{"10.0.0.1"}, {}}; });
    const auto outcome = name.take();
    REQUIRE(outcome);
    CHECK(outcome->hosts.empty());
    CHECK(outcome->failure == "no file to wait for it: Too many open files");
}
