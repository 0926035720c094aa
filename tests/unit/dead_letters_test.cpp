#include "notifier/deliver/dead_letters.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <thread>

#include "common/io/temporary_directory.hpp"
#include "common/store/store.hpp"

using namespace presence;
using notifier::DeadLetters;

namespace {

Event event_of(const std::string& user, std::uint64_t seq, State state = State::online) {
    Event event;
    event.user = user;
    event.state = state;
    event.reason = "heartbeat";
    event.at_ms = 1'000;
    event.slot = slot_of(hash_of(user));
    event.epoch = 5;
    event.seq = seq;
    return event;
}

Event notice_of(const std::string& tracker, std::int64_t at_ms) {
    Event notice;
    notice.reason = "gap";
    notice.status = tracker;
    notice.at_ms = at_ms;
    return notice;
}

// The file as the sink's thread has it, and others open it.
struct File {
    explicit File(std::uint64_t letters_max = 100)
        : letters(directory.path, letters_max, DeadLetters::Damaged::moved_aside) {}

    [[nodiscard]] DeadLetters open(
        DeadLetters::Damaged damaged = DeadLetters::Damaged::refused) const {
        return {directory.path, 100, damaged};
    }
    [[nodiscard]] std::string path() const { return directory.path / "dead.sqlite"; }
    void execute(const std::string& sql) const {
        sqlite3* db = nullptr;
        REQUIRE(sqlite3_open(path().c_str(), &db) == SQLITE_OK);
        CHECK(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(db);
    }

    io::TemporaryDirectory directory;
    DeadLetters letters;
};

// "alice bob*": whose letters there are, in order; a star marks those to be replayed.
std::string brief(const DeadLetters& letters, const std::optional<std::string>& user = {}) {
    std::string text;
    letters.each(user, [&](const DeadLetters::Letter& letter) {
        text += (text.empty() ? "" : " ") + std::string(letter.user) + (letter.wanted ? "*" : "");
    });
    return text;
}

}  // namespace

TEST_CASE("a letter has the event as the sink would have got it, why, when, and how often tried",
          "[notifier][dead]") {
    File file;
    CHECK_FALSE(DeadLetters::there(file.directory.path));  // made with the first
    const auto event = event_of("alice", 1);
    file.letters.add({event}, "answered 500", 3, 77);
    int letters = 0;
    file.open().each({}, [&](const DeadLetters::Letter& letter) {
        ++letters;
        CHECK(letter.user == "alice");
        CHECK(letter.event == to_json(event));
        CHECK(letter.failure == "answered 500");
        CHECK(letter.attempts == 3);
        CHECK(letter.died_ms == 77);
        CHECK_FALSE(letter.wanted);
    });
    CHECK(letters == 1);
}

TEST_CASE("an event that dies once more is one letter, the newest", "[notifier][dead]") {
    File file;
    file.letters.add({event_of("alice", 1), event_of("bob", 2)}, "answered 500", 3, 1);
    file.letters.add({event_of("alice", 1)}, "timed out", 4, 2);
    CHECK(brief(file.letters) == "bob alice");
    CHECK(brief(file.letters, "alice") == "alice");
    file.letters.each("alice", [&](const auto& letter) { CHECK(letter.failure == "timed out"); });
}

TEST_CASE("with more letters than there may be, none of a chunk is added", "[notifier][dead]") {
    File file(3);
    file.letters.add({event_of("alice", 1), event_of("bob", 2)}, "no", 1, 1);
    CHECK_THROWS_WITH(file.letters.add({event_of("carol", 3), event_of("dave", 4)}, "no", 1, 1),
                      "there would be 4 dead letters and `dead_max` is 3: replay or drop some");
    CHECK(brief(file.letters) == "alice bob");
    file.letters.add({event_of("alice", 1), event_of("carol", 3)}, "no", 1, 1);
    CHECK(brief(file.letters) == "bob alice carol");
    CHECK(file.open().drop("bob") == 1);
    file.letters.add({event_of("erin", 5)}, "no", 1, 1);
    CHECK(brief(file.letters) == "alice carol erin");
}

TEST_CASE("another process asks for a replay, and what is told then is removed",
          "[notifier][dead][replay]") {
    File file;
    file.letters.add({event_of("alice", 1), event_of("bob", 2), event_of("alice", 3)}, "no", 1, 1);
    file.letters.look();
    CHECK(file.letters.wanted().empty());
    CHECK(file.open().want("alice") == 2);
    CHECK(file.open().want("nobody") == 0);
    file.letters.look();
    CHECK(file.letters.wanted().users == std::vector<std::string>{"alice"});
    CHECK(file.letters.taken({event_of("bob", 9)}) == 0);
    CHECK(brief(file.letters) == "alice* bob alice*");
    CHECK(file.letters.taken({event_of("carol", 8), event_of("alice", 7)}) == 2);
    CHECK(brief(file.letters) == "bob");
    CHECK(file.letters.wanted().empty());
}

TEST_CASE("who is wanted is known after a restart", "[notifier][dead][replay]") {
    File file;
    file.letters.add({event_of("alice", 1)}, "no", 1, 1);
    CHECK(file.open().want({}) == 1);
    CHECK(file.open().wanted().users == std::vector<std::string>{"alice"});
}

TEST_CASE("a replay that dies is not tried again by itself", "[notifier][dead][replay]") {
    File file;
    file.letters.add({event_of("alice", 1), event_of("bob", 2)}, "no", 1, 1);
    CHECK(file.open().want({}) == 2);
    file.letters.look();
    file.letters.add({event_of("alice", 7)}, "no", 1, 1);
    CHECK(brief(file.letters) == "alice bob* alice");
    CHECK(file.letters.wanted().users == std::vector<std::string>{"bob"});
    CHECK(file.open().want("alice") == 2);
    file.letters.look();
    CHECK(file.letters.taken({event_of("alice", 8)}) == 2);
}

TEST_CASE("a notice is wanted as it was", "[notifier][dead][replay]") {
    File file;
    const auto notice = notice_of("eu.t1", 1'764'000'000'123);
    file.letters.add({notice, event_of("alice", 1)}, "no", 1, 1);
    CHECK(file.open().want({}) == 2);
    file.letters.look();
    REQUIRE(file.letters.wanted().notices.size() == 1);
    CHECK(file.letters.wanted().notices[0] == notice);
    CHECK(file.letters.taken({notice}) == 1);
    CHECK(brief(file.letters) == "alice*");
}

TEST_CASE("many are wanted some at a time", "[notifier][dead][replay]") {
    File file(3'000);
    std::vector<Event> events;
    for (std::uint64_t n = 1; n <= 2'500; ++n)
        events.push_back(event_of("user" + std::to_string(n), n));
    file.letters.add(events, "no", 1, 1);
    CHECK(file.open().want({}) == 2'500);
    file.letters.look();
    std::uint64_t replayed = 0;
    int portions = 0;
    for (; !file.letters.wanted().empty(); ++portions) {
        REQUIRE(file.letters.wanted().users.size() <= DeadLetters::kWantedMax);
        std::vector<Event> told;
        const auto wanted = file.letters.wanted();
        for (const auto& user : wanted.users)
            told.push_back(event_of(user, 9'999));
        replayed += file.letters.taken(told);
    }
    CHECK(replayed == 2'500);
    CHECK(portions == 3);
}

TEST_CASE("what was added before a kill and is taken after all, is no dead letter",
          "[notifier][dead]") {
    File file;
    file.letters.add({event_of("alice", 1), event_of("alice", 2)}, "no", 1, 1);
    auto next = file.open();
    (void)next.taken({});
    (void)next.taken({event_of("alice", 2)});
    CHECK(brief(next) == "alice");
    (void)next.taken({event_of("alice", 1)});  // only the first chunk may have been added
    CHECK(brief(next) == "alice");
}

TEST_CASE("what a sink gave up of a chunk stays, though the chunk is taken then",
          "[notifier][dead]") {
    File file;
    const auto alice = event_of("alice", 1);
    const auto bob = event_of("bob", 2);
    file.letters.add({alice, bob}, "before a kill", 3, 1);
    DeadLetters again(file.directory.path, 100, DeadLetters::Damaged::refused);
    again.add(std::vector<notifier::DeadLine>{{id_of(bob), "bob", to_json(bob)}}, "exit 9", 3, 2);
    CHECK(again.taken({alice, bob, event_of("carol", 3)}) == 1);
    CHECK(brief(again) == "bob");
    again.each("bob", [&](const auto& letter) {
        CHECK(letter.failure == "exit 9");
        CHECK(letter.event == to_json(bob));
    });
    // A replay that is taken removes it.
    CHECK(file.open().want("bob") == 1);
    again.look();
    CHECK(again.taken({event_of("bob", 4)}) == 1);
    CHECK(brief(again).empty());
}

TEST_CASE("a notice that a sink gave up stays until its replay is taken", "[notifier][dead]") {
    File file;
    const auto notice = notice_of("t1", 7);
    const std::vector<notifier::DeadLine> line{{id_of(notice), "", to_json(notice)}};
    file.letters.add(line, "exit 9", 3, 1);
    CHECK(file.letters.taken({notice, event_of("alice", 1)}) == 0);
    CHECK(file.open().want({}) == 1);
    file.letters.look();
    file.letters.add(line, "exit 9", 3, 2);  // so does its replay
    CHECK(file.letters.taken({notice}) == 0);
    CHECK(file.open().want({}) == 1);
    file.letters.look();
    CHECK(file.letters.taken({notice}) == 1);
}

TEST_CASE("what was told and cannot be removed yet is not wanted meanwhile",
          "[notifier][dead][replay]") {
    File file;
    file.letters.add({event_of("alice", 1), event_of("bob", 2)}, "no", 1, 1);
    CHECK(file.open().want({}) == 2);
    file.letters.look();
    file.execute("CREATE TRIGGER no BEFORE DELETE ON dead BEGIN SELECT RAISE(ABORT,'no'); END");
    CHECK_THROWS_AS(file.letters.taken({event_of("alice", 3)}), io::StoreError);
    CHECK(file.letters.wanted().empty());
    CHECK_THROWS_AS(file.letters.look(), io::StoreError);
    CHECK(file.letters.wanted().empty());
    file.execute("DROP TRIGGER no");
    file.letters.look();
    CHECK(file.letters.wanted().users == std::vector<std::string>{"bob"});
    CHECK(brief(file.letters) == "bob*");
}

TEST_CASE("a file of a newer format, or of something else, is refused and left alone",
          "[notifier][dead][version]") {
    File file;
    file.letters.add({event_of("alice", 1)}, "no", 1, 1);
    file.execute("PRAGMA user_version=2");
    for (const auto damaged : {DeadLetters::Damaged::refused, DeadLetters::Damaged::moved_aside})
        CHECK_THROWS_WITH(
            file.open(damaged),
            Catch::Contains(
                "dead.sqlite has format 2, newer than 1, the newest this program knows"));
    file.execute("PRAGMA user_version=1; PRAGMA application_id=5");
    CHECK_THROWS_WITH(file.open(), Catch::Contains("holds no dead letters, but something else"));
    file.execute("PRAGMA application_id=1919249516");
}

TEST_CASE("a damaged file is moved aside by the notifier and refused by everyone else",
          "[notifier][dead][damage]") {
    io::TemporaryDirectory directory;
    std::ofstream(directory.path / "dead.sqlite") << std::string(10'000, 'x');
    CHECK_THROWS_WITH(DeadLetters(directory.path, 9, DeadLetters::Damaged::refused),
                      Catch::Contains("cannot open ") && Catch::Contains("dead.sqlite: "));
    DeadLetters letters(directory.path, 9, DeadLetters::Damaged::moved_aside);
    REQUIRE(letters.moved());
    CHECK_THAT(*letters.moved(),
               Catch::Contains("was damaged (") && Catch::Contains("dead.sqlite.damaged now"));
    CHECK(std::filesystem::file_size(directory.path / "dead.sqlite.damaged") == 10'000);
    letters.add({event_of("alice", 1)}, "no", 1, 1);
    CHECK(brief(letters) == "alice");
}

TEST_CASE("letters that come after somebody deleted the file are in a new one",
          "[notifier][dead]") {
    File file;
    file.letters.add({event_of("alice", 1)}, "no", 1, 1);
    CHECK(file.open().want("alice") == 1);
    file.letters.look();
    std::filesystem::remove(file.path());
    SECTION("and nobody is wanted any more") {
        file.letters.look();
        CHECK(file.letters.wanted().empty());
        CHECK(file.letters.taken({event_of("alice", 2)}) == 0);
    }
    file.letters.add({event_of("bob", 1)}, "no", 1, 1);
    CHECK(brief(file.open()) == "bob");
}

TEST_CASE("sink and operators write at the same time, and no letter is lost or left",
          "[notifier][dead][concurrent]") {
    constexpr std::uint64_t kLetters = 60;
    File file;
    file.letters.add({event_of("first", 1'000)}, "no", 1, 1);
    std::uint64_t wanted = 0;
    std::thread operators([&] {
        while (wanted <= kLetters) {
            auto other = file.open();
            std::vector<std::string> idle;
            other.each({}, [&](const auto& letter) {
                if (!letter.wanted) idle.emplace_back(letter.user);
            });
            for (const auto& user : idle)
                wanted += other.want(user);
        }
    });
    std::uint64_t replayed = 0;
    for (std::uint64_t n = 0; replayed <= kLetters; ++n) {
        if (n < kLetters) file.letters.add({event_of("user" + std::to_string(n), n)}, "no", 1, 1);
        file.letters.look();
        std::vector<Event> told;
        const auto now = file.letters.wanted();
        for (const auto& user : now.users)
            told.push_back(event_of(user, 9'999));
        replayed += file.letters.taken(told);
    }
    operators.join();
    CHECK(replayed == kLetters + 1);
    CHECK(brief(file.letters).empty());
}

TEST_CASE("many who open the file as it is made wait for each other", "[notifier][dead]") {
    for (int round = 0; round < 40; ++round) {
        io::TemporaryDirectory directory;
        std::vector<std::string> errors(6);
        std::vector<std::thread> openers;
        for (std::size_t n = 0; n < errors.size(); ++n)
            openers.emplace_back([&, n] {
                try {
                    DeadLetters letters(directory.path, 100, DeadLetters::Damaged::refused);
                    letters.add({event_of("u" + std::to_string(n), 1)}, "no", 1, 0);
                } catch (const io::StoreError& error) {
                    errors[n] = error.what();
                }
            });
        for (auto& opener : openers)
            opener.join();
        for (const auto& error : errors)
            CHECK(error.empty());
    }
}
