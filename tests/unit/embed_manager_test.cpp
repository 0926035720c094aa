// The shell: who is told when, exceptions, re-entrancy, several managers, the end. Nothing here
// waits for time to pass; tests/process/library_test.py does.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <stdexcept>

#include "common/slots.hpp"
#include "embed/online_manager.hpp"

using namespace presence;
using namespace std::chrono_literals;

namespace {

// Writes down what is told, and does more if it is given more to do.
class Config : public OnlineConfig {
public:
    std::chrono::milliseconds timeout() const override { return 60s; }
    std::vector<std::string> online_before() override { return before; }
    void setup(OnlineManager& manager) override {
        if (on_setup) on_setup(manager);
    }
    void online(const std::string& id) override { tell("+" + id); }
    void offline(const std::string& id) override { tell("-" + id); }

    std::vector<std::string> before;
    std::function<void(OnlineManager&)> on_setup;
    std::function<void(const std::string& what)> on_told;
    std::string told;

private:
    void tell(const std::string& what) {
        told += what + " ";
        if (on_told) on_told(what);
    }
};

bool ready(const OnlineManager& manager) {
    pollfd one{manager.fd(), POLLIN, 0};
    return ::poll(&one, 1, 0) == 1;
}
// A heartbeat makes the descriptor ready within 5 ms; the patience is for a busy machine.
bool gets_ready(const OnlineManager& manager) {
    pollfd one{manager.fd(), POLLIN, 0};
    return ::poll(&one, 1, 30'000) == 1;
}

class Pipe {
public:
    Pipe() { REQUIRE(::pipe(ends_.data()) == 0); }
    ~Pipe() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    int reader() const { return ends_[0]; }
    void write(char c) const { REQUIRE(::write(ends_[1], &c, 1) == 1); }
    char read() const {
        char c = 0;
        REQUIRE(::read(ends_[0], &c, 1) == 1);
        return c;
    }

private:
    std::array<int, 2> ends_{};
};

}  // namespace

TEST_CASE("seen() and leave() tell nobody, process() does, in order", "[embed]") {
    Config config;
    auto manager = OnlineManager::setup(config);
    CHECK(!ready(manager));
    CHECK(manager.seen("alice") == Seen::yes);
    CHECK(manager.seen("bob", {.session = "phone", .ttl = 5s}) == Seen::yes);
    CHECK(manager.leave("alice"));
    CHECK(manager.seen("") == Seen::bad_id);
    CHECK(config.told.empty());
    CHECK(manager.is_online("bob"));
    CHECK(manager.online_count() == 1);
    CHECK(gets_ready(manager));
    manager.process();
    CHECK(config.told == "+alice +bob -alice ");
    CHECK(!ready(manager));
    manager.process();
    CHECK(config.told == "+alice +bob -alice ");
}

TEST_CASE("a heartbeat alone makes the descriptor ready", "[embed]") {
    Config config;
    auto manager = OnlineManager::setup(config);
    manager.seen("alice");
    CHECK(gets_ready(manager));
    manager.process();
    CHECK(config.told == "+alice ");
}

TEST_CASE("those who were online before are told offline first of all", "[embed]") {
    Config config;
    config.before = {"ghost", std::string(300, 'g'), ""};
    config.on_setup = [](OnlineManager& manager) { manager.seen("alice"); };
    auto manager = OnlineManager::setup(config);
    CHECK(gets_ready(manager));
    manager.process();
    CHECK(config.told == "-ghost -" + std::string(300, 'g') + " - +alice ");
}

TEST_CASE("callbacks may call the manager; what that causes is told by the next process()",
          "[embed]") {
    Config config;
    auto manager = OnlineManager::setup(config);
    config.on_told = [&](const std::string& what) {
        if (what == "+alice") {
            CHECK(manager.leave("bob"));
            CHECK(!manager.is_online("bob"));
            manager.process();  // does nothing here
            CHECK(config.told == "+alice ");
        }
        // Never ends.
        if (what == "-bob") manager.seen("bob");
        if (what == "+bob") manager.leave("bob");
    };
    manager.seen("alice");
    manager.seen("bob");
    manager.process();
    CHECK(config.told == "+alice +bob ");
    CHECK(ready(manager));
    manager.process();
    CHECK(config.told == "+alice +bob -bob ");
    for (int turn = 0; turn < 4; ++turn) {
        CHECK(gets_ready(manager));
        manager.process();
    }
    CHECK(config.told == "+alice +bob -bob +bob -bob +bob -bob ");
    config.on_told = nullptr;
}

TEST_CASE("an exception of a callback reaches the caller, and nothing is lost or told twice",
          "[embed]") {
    Config config;
    auto manager = OnlineManager::setup(config);
    config.on_told = [](const std::string& what) { throw std::runtime_error(what); };
    for (const auto* id : {"a", "b", "c"})
        manager.seen(id);
    CHECK_THROWS_WITH(manager.process(), "+a");
    CHECK(ready(manager));
    CHECK(manager.online_count() == 3);
    manager.leave("a");
    CHECK_THROWS_WITH(manager.process(), "+b");
    config.on_told = nullptr;
    CHECK(ready(manager));
    manager.process();
    CHECK(config.told == "+a +b +c -a ");
    CHECK(!ready(manager));
}

TEST_CASE("one call tells at most a thousand, then the descriptor is ready again", "[embed]") {
    Config config;
    auto manager = OnlineManager::setup(config);
    for (int u = 0; u < 2'500; ++u)
        manager.seen(std::to_string(u));
    int told = 0, calls = 0;
    config.on_told = [&](const std::string&) { ++told; };
    for (; told < 2'500 && gets_ready(manager); ++calls) {
        const int before = told;
        manager.process();
        CHECK(told - before <= 1'000);
    }
    CHECK(calls == 3);
    config.on_told = nullptr;
}

TEST_CASE("everyone is told offline at the end, whichever way it comes", "[embed]") {
    Config config;
    SECTION("by close()") {
        OnlineManager manager(config);
        manager.seen("alice");
        manager.close();
        CHECK(config.told == "+alice -alice ");
        CHECK(manager.seen("alice") == Seen::closed);
        CHECK(!manager.leave("alice"));
        manager.process();
        manager.close();
    }
    SECTION("by the destructor") {
        OnlineManager manager(config);
        manager.seen("alice");
        manager.process();
    }
    SECTION("by an exception that passes") {
        try {
            OnlineManager manager(config);
            manager.seen("alice");
            throw std::runtime_error("something else");
        } catch (const std::runtime_error&) {
        }
    }
    SECTION("though setup() throws") {
        config.on_setup = [](OnlineManager& manager) {
            manager.seen("alice");
            throw std::runtime_error("no such database");
        };
        CHECK_THROWS_WITH(OnlineManager::setup(config), "no such database");
    }
    SECTION("though a callback throws each time") {
        config.on_told = [](const std::string& what) { throw std::runtime_error(what); };
        OnlineManager manager(config);
        manager.seen("alice");
        CHECK_THROWS_WITH(manager.close(), "+alice");
    }
    SECTION("though a callback throws and nobody closed it") {
        config.on_told = [](const std::string& what) { throw std::runtime_error(what); };
        OnlineManager manager(config);
        manager.seen("alice");
    }
    SECTION("from within a callback") {
        OnlineManager manager(config);
        config.on_told = [&](const std::string&) { manager.close(); };
        manager.seen("alice");
        manager.process();
        config.on_told = nullptr;
    }
    CHECK(config.told == "+alice -alice ");
}

TEST_CASE("no callback can bring anyone online while all go offline", "[embed]") {
    Config config;
    OnlineManager manager(config);
    config.on_told = [&](const std::string&) { CHECK(manager.seen("bob") == Seen::closed); };
    manager.seen("alice");
    manager.close();
    config.on_told = nullptr;
    CHECK(config.told == "+alice -alice ");
}

TEST_CASE("run() lasts until stop(), and serves what setup() watches", "[embed]") {
    Config config;
    const Pipe pipe;
    pipe.write('a');
    config.on_setup = [&](OnlineManager& manager) {
        manager.watch(pipe.reader(), [&] { manager.seen(std::string(1, pipe.read())); });
        config.on_told = [&](const std::string& what) {
            if (what == "+a") pipe.write('b');
            if (what == "+b") manager.stop();
        };
    };
    OnlineManager::run(config);
    CHECK(config.told.substr(0, 6) == "+a +b ");
    CHECK((config.told.substr(6) == "-a -b " || config.told.substr(6) == "-b -a "));
}

TEST_CASE("run() that is left by an exception tells everyone offline", "[embed]") {
    Config config;
    const Pipe pipe;
    pipe.write('x');
    SECTION("of a callback") {
        config.on_setup = [](OnlineManager& manager) { manager.seen("alice"); };
        config.on_told = [](const std::string& what) {
            throw std::runtime_error("told of " + what);
        };
        CHECK_THROWS_WITH(OnlineManager::run(config), "told of +alice");
    }
    SECTION("of a source of heartbeats") {
        config.on_setup = [&](OnlineManager& manager) {
            manager.seen("alice");
            manager.watch(pipe.reader(), [] { throw std::runtime_error("source broke"); });
        };
        CHECK_THROWS_WITH(OnlineManager::run(config), "source broke");
    }
    CHECK(config.told == "+alice -alice ");
}

TEST_CASE("stop() before the loop begins is kept", "[embed]") {
    Config config;
    config.on_setup = [](OnlineManager& manager) {
        manager.seen("alice");
        manager.stop();
        CHECK(manager.stopped());
    };
    OnlineManager::run(config);
    CHECK(config.told == "+alice -alice ");
}

TEST_CASE("several managers in one thread know nothing of each other", "[embed]") {
    Config a, b;
    auto first = OnlineManager::setup(a);
    auto second = OnlineManager::setup(b);
    a.on_told = [&](const std::string& what) { second.seen(what.substr(1) + "'"); };
    first.seen("alice");
    CHECK(gets_ready(first));
    CHECK(!ready(second));
    first.process();
    CHECK(gets_ready(second));
    second.process();
    CHECK(a.told == "+alice ");
    CHECK(b.told == "+alice' ");
    second.close();
    CHECK(b.told == "+alice' -alice' ");
    CHECK(first.is_online("alice"));
    a.on_told = nullptr;
}

TEST_CASE("each_online() may be called from anywhere and change anything", "[embed]") {
    Config config;
    auto manager = OnlineManager::setup(config);
    for (int u = 0; u < 100; ++u)
        manager.seen(std::to_string(u));
    std::vector<std::string> met;
    manager.each_online([&](std::string_view id) {
        met.emplace_back(id);
        if (id.size() > 4) return;
        const auto number = std::stoi(std::string(id));
        CHECK(manager.leave(std::to_string(number)));
        manager.leave(std::to_string(number ^ 1));
        manager.seen("1000" + std::string(id));
        manager.each_online([&](std::string_view inner) { CHECK(inner != id); });
    });
    std::vector<std::string> first;
    for (const auto& id : met)
        if (std::stoi(id) < 100) first.push_back(id);
    CHECK(first.size() == 50);  // of each pair the other had left
    std::sort(met.begin(), met.end());
    CHECK(std::unique(met.begin(), met.end()) == met.end());
    CHECK_THROWS_AS(manager.each_online([](std::string_view) { throw std::logic_error("no"); }),
                    std::logic_error);
    manager.process();
}

TEST_CASE("each_online() leaves out who left meanwhile, though they lie side by side", "[embed]") {
    Config config;
    auto manager = OnlineManager::setup(config);
    std::vector<std::string> same_slot;
    for (int u = 0; same_slot.size() < 3; ++u)
        if (slot_of(hash_of(std::to_string(u))) == 7) same_slot.push_back(std::to_string(u));
    for (const auto& id : same_slot)
        manager.seen(id);
    int met = 0;
    manager.each_online([&](std::string_view) {
        ++met;
        for (const auto& id : same_slot)
            manager.leave(id);
    });
    CHECK(met == 1);
}

TEST_CASE("a watched file can be watched anew, unwatched, and may unwatch itself", "[embed]") {
    Config config;
    auto manager = OnlineManager::setup(config);
    const Pipe pipe;
    int calls = 0, others = 0;
    pipe.write('x');
    manager.watch(pipe.reader(), [&] { ++calls; });
    CHECK(ready(manager));
    manager.process();
    manager.process();
    CHECK(calls == 2);
    auto held = std::make_shared<int>();
    const std::weak_ptr<int> lives = held;
    manager.watch(pipe.reader(), [&, held = std::move(held)] {
        manager.unwatch(pipe.reader());
        ++others;
        CHECK(!lives.expired());  // what is called stays until it returns
    });
    manager.process();
    manager.process();
    CHECK(calls == 2);
    CHECK(others == 1);
    CHECK(!ready(manager));
    manager.unwatch(pipe.reader());
    CHECK_THROWS_AS(manager.watch(-1, [] {}), std::system_error);
}

TEST_CASE("a manager that cannot be made says why", "[embed]") {
    class TooShort : public Config {
        std::chrono::milliseconds timeout() const override { return 10ms; }
    } config;
    CHECK_THROWS_WITH(OnlineManager::setup(config), Catch::Contains("10 ms"));
    CHECK(config.told.empty());
}
