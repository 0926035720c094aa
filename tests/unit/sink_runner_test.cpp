#include "notifier/deliver/sink_runner.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/io/clock.hpp"
#include "common/io/fd.hpp"
#include "common/io/temporary_directory.hpp"
#include "fake_tracker.hpp"
#include "tests/support/captured_log.hpp"

using namespace presence;
using namespace presence::notifier;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using Lines = std::vector<std::string>;

namespace {

// A runner that follows one tracker. Its sink appends to a file, in a folder that is there or not;
// its time is the test's, but for what its thread needs.
struct RunWorld {
    RunWorld() {
        config.name = "audit";
        config.type = SinkType::jsonl;
        config.path = folder() / "events.jsonl";
        mend();
    }
    ~RunWorld() { end(); }

    [[nodiscard]] std::filesystem::path folder() const { return directory.path / "folder"; }
    void break_sink() const { std::filesystem::remove_all(folder()); }
    void mend() const { std::filesystem::create_directory(folder()); }

    void start() {
        FollowerOptions follower;
        follower.trackers = {"t1"};
        io::Store::Options store;
        if (keeps) store.directory = directory.path / "kept";
        store.owner = owner;
        runner.emplace(config, follower, testing::map_of({"t1"}, {"alice", "bob"}), store);
        runner->on_heard(message_of_tick(0, "t1", tracker.tick()));
        // A file is opened before there is anything to write.
        until(
            [&] { return config.type != SinkType::jsonl || std::filesystem::exists(config.path); });
    }
    void end() {
        if (!runner) return;
        runner->stop(io::now());
        while (!runner->ended(now()))
            REQUIRE(heard(20'000));
        runner.reset();
    }

    void say(bool online, const std::string& user) {
        ++ms;
        online ? tracker.online(user, ms) : tracker.offline(user, ms);
        if (const auto bytes = tracker.batch()) runner->on_heard(message_of_batch(0, "t1", *bytes));
    }
    // One turn of a loop; questions are answered at once.
    void turn() {
        for (bool more = true; more;) {
            std::vector<Question> questions;
            runner->turn(now(), WallOffset{}, questions);
            for (const auto& question : questions)
                runner->on_heard(message_of_answer(0, tracker.answer(question.bytes, ms)));
            more = !questions.empty();
        }
    }
    // Whether the sink's thread told within so long how something fared.
    [[nodiscard]] bool heard(int within_ms) const {
        pollfd fd{runner->fd(), POLLIN, 0};
        return ::poll(&fd, 1, within_ms) == 1;
    }
    // Turns until that is so. Where the sink's thread has nothing to say, time goes on.
    template <class Done>
    void until(Done done) {
        turn();
        for (int steps = 0; !done(); turn()) {
            REQUIRE(++steps < 4'000);
            if (!heard(5)) pass(500ms);
        }
    }
    void all_told() {
        until([&] { return runner->idle(); });
    }
    void fail_once() {
        until([&, before = runner->counters()["failures"]] {
            return runner->counters()["failures"] > before;
        });
    }
    void pass(Duration d) { ms += d / 1ms; }
    [[nodiscard]] Instant now() const { return testing::at(ms); }

    // What the file says: "alice online", a line each.
    [[nodiscard]] Lines told() const {
        Lines all;
        std::ifstream in(config.path);
        for (std::string line; std::getline(in, line);) {
            const auto event = line.find("\"user\":\"") + 8;
            all.push_back(line.substr(event, line.find('"', event) - event) +
                          (line.find("\"online\"") != std::string::npos ? " online" : " offline"));
        }
        return all;
    }
    Lines logged(const std::string& event) {
        Lines all;
        for (auto& line : log.take())
            if (line.find(" " + event + " ") != std::string::npos) all.push_back(std::move(line));
        return all;
    }

    io::TemporaryDirectory directory;
    testing::FakeTracker tracker{"t1", 1'000};
    SinkConfig config;
    std::string owner = "sink audit of notifier n1";
    bool keeps = true;
    std::int64_t ms = 100'000;
    test::CapturedLog log;
    std::optional<SinkRunner> runner;
};

// A server that gives each request, one after the other, this answer.
struct HttpServer {
    HttpServer() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
        REQUIRE(::listen(socket.get(), 16) == 0);
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length);
        port = ntohs(address.sin_port);
        thread = std::thread([this] { serve(); });
    }
    ~HttpServer() {
        ::shutdown(socket.get(), SHUT_RDWR);
        thread.join();
    }
    void serve() {
        for (;;) {
            const io::Fd client(::accept(socket.get(), nullptr, nullptr));
            if (!client) return;
            std::string request(64 * 1024, '\0');
            (void)::recv(client.get(), request.data(), request.size(), 0);
            ++requests;
            const std::string answer = "HTTP/1.1 " + std::to_string(status.load()) +
                                       " x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }
    }

    io::Fd socket;
    std::uint16_t port = 0;
    std::atomic<int> status{200};
    std::atomic<int> requests{0};
    std::thread thread;
};

}  // namespace

TEST_CASE("what the tracker says comes to the sink, in order", "[notifier][runner]") {
    RunWorld world;
    world.start();
    world.say(true, "alice");
    world.all_told();
    world.say(true, "bob");
    world.say(false, "alice");
    world.all_told();
    CHECK(world.told() == Lines{"alice online", "bob online", "alice offline"});
    CHECK(world.runner->in_step());
    CHECK(world.runner->counters()["delivered"] == 3);
    CHECK(world.runner->waiting() == 0);
}

TEST_CASE("a runner goes on from what it kept, and says from where", "[notifier][runner]") {
    RunWorld world;
    world.start();
    CHECK_THAT(world.logged("sink_begins").at(0), Contains("info sink_begins sink=audit data="));
    world.say(true, "alice");
    world.all_told();
    world.end();
    world.start();
    CHECK_THAT(world.logged("sink_goes_on").at(0),
               Contains("info sink_goes_on sink=audit data=") &&
                   Contains(" after_batch=t1:1 online=1 waiting=0"));
    world.say(true, "bob");
    world.all_told();
    CHECK(world.told() == Lines{"alice online", "bob online"});
}

TEST_CASE("without a directory nothing is kept, and all is told anew", "[notifier][runner]") {
    RunWorld world;
    world.keeps = false;
    world.start();
    world.say(true, "alice");
    world.all_told();
    world.end();
    world.start();
    world.all_told();
    CHECK(world.told() == Lines{"alice online", "alice online"});
    CHECK_FALSE(std::filesystem::exists(world.directory.path / "kept"));
}

TEST_CASE("a directory of another sink is refused", "[notifier][runner]") {
    RunWorld world;
    world.start();
    world.end();
    world.owner = "sink other of notifier n1";
    CHECK_THROWS_AS(world.start(), io::StoreError);
}

TEST_CASE("a sink that is down is told once each 10 s and reason, and its recovery once",
          "[notifier][runner]") {
    RunWorld world;
    world.start();
    world.break_sink();
    world.say(true, "alice");
    const auto end = world.ms + SinkRunner::kTellInterval / 1ms;
    world.fail_once();
    const auto first = world.logged("sink_failed");
    REQUIRE(first.size() == 1);
    CHECK_THAT(first[0], StartsWith("warn sink_failed sink=audit reason=\"cannot open ") &&
                             Contains(" failures=1 waiting=1"));
    world.until([&] { return world.ms + 1'000 > end; });
    CHECK(world.runner->counters()["failures"] > 1);
    CHECK(world.logged("sink_failed").empty());
    world.pass(20s);
    world.fail_once();
    CHECK(world.logged("sink_failed").size() == 1);

    world.mend();
    world.all_told();
    CHECK(world.told() == Lines{"alice online"});
    CHECK_THAT(world.logged("sink_recovered").at(0),
               StartsWith("warn sink_recovered sink=audit failures="));
    world.say(true, "bob");
    world.all_told();
    CHECK(world.logged("sink_recovered").empty());
}

TEST_CASE("a chunk that is under way for 10 s is told, each 10 s, while the loop goes on",
          "[notifier][runner]") {
    RunWorld world;
    world.config.type = SinkType::exec;
    world.config.command = {"/bin/sh", "-c", "cat >/dev/null"};  // acknowledges nothing
    world.config.acknowledge = true;
    world.config.timeout = 1h;
    world.start();
    world.all_told();
    world.say(true, "alice");
    world.turn();
    CHECK(world.runner->next_wakeup() == world.now() + SinkRunner::kSlow);
    world.pass(SinkRunner::kSlow - 1ms);
    world.turn();
    CHECK(world.logged("sink_hangs").empty());
    world.pass(1ms);
    world.turn();
    CHECK(world.logged("sink_hangs") ==
          Lines{"warn sink_hangs sink=audit since_ms=10000 waiting=1"});
    world.pass(SinkRunner::kTellInterval - 1ms);
    world.turn();
    CHECK(world.logged("sink_hangs").empty());
    world.pass(1ms);
    world.turn();
    CHECK(world.logged("sink_hangs") ==
          Lines{"warn sink_hangs sink=audit since_ms=20000 waiting=1"});
}

TEST_CASE("a sink that wants nothing more is given nothing until it is reopened",
          "[notifier][runner]") {
    ::setenv("WEBHOOK_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=", 1);
    HttpServer server;
    server.status = 410;
    RunWorld world;
    world.config.type = SinkType::webhook;
    world.config.url = "http://127.0.0.1:" + std::to_string(server.port) + "/";
    world.config.webhook.secret_env = "WEBHOOK_SECRET";
    world.config.webhook.allow_private = true;
    world.start();
    world.say(true, "alice");
    world.until([&] { return world.runner->gone(); });
    CHECK_THAT(world.logged("sink_gone").at(0), StartsWith("error sink_gone sink=audit reason="));
    CHECK(world.runner->next_wakeup() == Instant::max());
    CHECK(server.requests == 1);
    world.pass(1h);
    world.say(true, "bob");
    world.turn();
    CHECK(world.runner->next_wakeup() == Instant::max());  // nothing is under way
    CHECK(server.requests == 1);

    server.status = 200;
    world.runner->reopen();
    CHECK_FALSE(world.runner->gone());
    world.pass(1min);
    world.all_told();
    CHECK(world.runner->counters()["delivered"] == 2);
}

TEST_CASE("what a sink refused often enough is a dead letter, and replayed when it is wanted",
          "[notifier][runner]") {
    RunWorld world;
    world.config.attempts_max = 2;
    world.start();
    world.break_sink();
    world.say(true, "alice");
    world.until([&] { return world.runner->counters()["dead"] == 1; });
    CHECK_THAT(world.logged("dead_letters").at(0),
               StartsWith("error dead_letters sink=audit events=1 reason=\"cannot open "));
    world.mend();
    world.say(true, "bob");
    world.all_told();
    CHECK(world.told() == Lines{"bob online"});

    DeadLetters(world.directory.path / "kept", 100, DeadLetters::Damaged::refused).want("alice");
    world.until([&] { return world.told().size() == 2; });
    CHECK(world.told() == Lines{"bob online", "alice online"});
    world.all_told();
    CHECK(world.logged("dead_letters_replayed") ==
          Lines{"info dead_letters_replayed sink=audit letters=1"});
}

TEST_CASE("what a program says that acknowledges nothing is counted", "[notifier][runner]") {
    RunWorld world;
    world.config.type = SinkType::exec;
    world.config.command = {"/bin/sh", "-c", "while read -r line; do echo nothing; done"};
    world.config.acknowledge = true;
    world.config.timeout = 1h;
    world.start();
    world.say(true, "alice");
    world.until([&] { return world.runner->counters()["answers_ignored"] > 0; });
    CHECK(world.runner->counters()["answers_ignored"] == 1);
}

TEST_CASE("a sink has started when it is in step, or is itself what holds it up",
          "[notifier][runner]") {
    RunWorld world;
    FollowerOptions follower;
    follower.trackers = {"t1"};
    follower.questions_max = 1;
    world.tracker.online("alice", world.ms);
    world.tracker.online("bob", world.ms);
    (void)world.tracker.batch();
    world.runner.emplace(world.config, follower, testing::map_of({"t1"}, {"alice", "bob"}),
                         io::Store::Options{});
    world.turn();
    CHECK_FALSE(world.runner->started(world.now()));
    SECTION("in step") {
        world.runner->on_heard(message_of_tick(0, "t1", world.tracker.tick()));
        world.until([&] { return world.runner->in_step(); });
        CHECK(world.runner->started(world.now()));
    }
    SECTION("the sink fails, so that it does not come to the second user") {
        world.break_sink();
        world.runner->on_heard(message_of_tick(0, "t1", world.tracker.tick()));
        world.until([&] { return world.runner->counters()["failures"] > 0; });
        CHECK_FALSE(world.runner->in_step());
        CHECK(world.runner->started(world.now()));
    }
}

TEST_CASE("a sink that is stopped ends, and is given nothing more", "[notifier][runner]") {
    RunWorld world;
    world.start();
    world.say(true, "alice");
    world.all_told();
    CHECK_FALSE(world.runner->ended(world.now()));
    world.runner->stop(io::now());
    while (!world.runner->ended(world.now()))
        REQUIRE(world.heard(20'000));
    CHECK(world.told() == Lines{"alice online"});
}
