#include "common/unfinished.hpp"

#include <catch2/catch.hpp>

using namespace presence;

namespace {

constexpr PeerConnection kA{1, 10}, kB{2, 11};

struct Watch {
    Unfinished unfinished{{.bytes_max = 1'000, .queue_bytes_max = 100'000, .free_bytes = 10}};

    // How many are unwelcome after a look at one that has sent so many bytes.
    std::size_t look(std::uint64_t bytes, PeerConnection connection = kA) {
        std::vector<PeerConnection> unwelcome;
        const std::vector<Unfinished::Seen> seen{{connection, bytes}};
        unfinished.look(seen, unwelcome);
        for (const auto& one : unwelcome)
            CHECK(one == connection);
        return unwelcome.size();
    }
    void empty() {
        unfinished.on_empty();
        unfinished.on_empty();
    }
};

}  // namespace

TEST_CASE("who sends on without a whole message is unwelcome", "[unfinished]") {
    Watch w;
    CHECK(w.look(500) == 0);
    w.empty();
    CHECK(w.look(1'500) == 0);  // as large as a message may be
    w.empty();
    CHECK(w.look(1'600) == 0);  // too much, but perhaps not all was received
    w.empty();
    CHECK(w.look(1'600) == 1);
}

TEST_CASE("whose messages are received is welcome, however many they are", "[unfinished]") {
    Watch w;
    for (std::uint64_t bytes = 0; bytes < 1'000'000; bytes += 50'000) {
        CHECK(w.look(bytes) == 0);
        w.unfinished.on_message(kA.fd);
        w.empty();
    }
    // Then it falls silent.
    for (int n = 0; n < 10; ++n) {
        CHECK(w.look(1'000'000) == 0);
        w.empty();
    }
}

TEST_CASE("while the socket is not read to its end nobody is judged", "[unfinished]") {
    Watch w;
    CHECK(w.look(0) == 0);
    for (std::uint64_t bytes = 10'000; bytes < 100'000; bytes += 10'000)
        CHECK(w.look(bytes) == 0);
    w.unfinished.on_message(kA.fd);
    w.empty();
    CHECK(w.look(100'000) == 0);
}

TEST_CASE("more than can wait of whole messages is judged even so", "[unfinished]") {
    Watch w;
    CHECK(w.look(0) == 0);
    CHECK(w.look(50'000) == 0);
    CHECK(w.look(100'000) == 0);
    CHECK(w.look(200'000) == 1);
}

TEST_CASE("another's message excuses nobody", "[unfinished]") {
    Watch w;
    for (const std::uint64_t bytes : {0, 5'000}) {
        CHECK(w.look(bytes, kB) == 0);
        w.unfinished.on_message(kA.fd);
        w.empty();
    }
    CHECK(w.look(15'000, kB) == 1);
}

TEST_CASE("pings never add up", "[unfinished]") {
    Watch w;
    for (std::uint64_t bytes = 0; bytes < 100'000; bytes += 10) {
        REQUIRE(w.look(bytes) == 0);
        w.empty();
    }
}

TEST_CASE("a descriptor that is used again is another connection", "[unfinished]") {
    Watch w;
    CHECK(w.look(0) == 0);
    w.empty();
    CHECK(w.look(5'000) == 0);
    w.empty();
    CHECK(w.look(9'000, {3, kA.fd}) == 0);
    w.empty();
    CHECK(w.look(9'500, {3, kA.fd}) == 0);
    w.unfinished.keep({});
    w.empty();
    CHECK(w.look(20'000, {3, kA.fd}) == 0);
}
