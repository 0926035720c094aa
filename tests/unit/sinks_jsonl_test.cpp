#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "notifier/sinks/jsonl.hpp"

using namespace presence;
using notifier::JsonlSink;
using notifier::SinkFailure;

namespace {

// A directory of its own, gone afterwards.
struct Directory {
    Directory() {
        std::string name = std::filesystem::temp_directory_path() / "jsonl.XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Directory() { std::filesystem::remove_all(path); }

    [[nodiscard]] std::string file(const std::string& name = "events.jsonl") const {
        return path / name;
    }
    [[nodiscard]] std::string read(const std::string& name = "events.jsonl") const {
        std::ostringstream text;
        text << std::ifstream(file(name)).rdbuf();
        return text.str();
    }
    void write(const std::string& text) const { std::ofstream(file()) << text; }

    std::filesystem::path path;
};

std::vector<Event> chunk(const std::string& user) {
    Event event;
    event.user = user;
    event.reason = "heartbeat";
    return {event};
}

std::string line(const std::string& user) {
    return to_json(chunk(user)[0]) + "\n";
}

}  // namespace

TEST_CASE("a jsonl sink appends whole lines to what is there", "[notifier][sinks][jsonl]") {
    const Directory directory;
    directory.write("{}\n");
    JsonlSink sink(directory.file());
    (void)sink.take(chunk("alice"));
    (void)sink.take(chunk("bob"));
    CHECK(directory.read() == "{}\n" + line("alice") + line("bob"));
}

TEST_CASE("a torn last line is cut on open", "[notifier][sinks][jsonl]") {
    const Directory directory;
    const auto [before, kept] = GENERATE(table<std::string, std::string>(
        {{"{}\n{\"id\":\"1.2", "{}\n"}, {"{\"id\":\"1.2", ""}, {"{}\n", "{}\n"}, {"", ""}}));
    directory.write(before);
    JsonlSink sink(directory.file());
    sink.tend();
    CHECK(directory.read() == kept);
    (void)sink.take(chunk("alice"));
    CHECK(directory.read() == kept + line("alice"));
}

TEST_CASE("a file that cannot be ours is not cut", "[notifier][sinks][jsonl]") {
    const Directory directory;
    const std::string foreign(100'000, 'x');
    directory.write(foreign);
    JsonlSink sink(directory.file());
    CHECK_THROWS_AS(sink.take(chunk("alice")), SinkFailure);
    CHECK(directory.read() == foreign);
}

TEST_CASE("after a reopen the file stands at its path again", "[notifier][sinks][jsonl]") {
    const Directory directory;
    JsonlSink sink(directory.file());
    (void)sink.take(chunk("alice"));
    std::filesystem::rename(directory.file(), directory.file("old"));
    (void)sink.take(chunk("bob"));
    sink.open();
    (void)sink.take(chunk("carol"));
    CHECK(directory.read("old") == line("alice") + line("bob"));
    CHECK(directory.read() == line("carol"));
}

TEST_CASE("what cannot be opened or written fails with a reason, and works once it can",
          "[notifier][sinks][jsonl]") {
    const Directory directory;
    JsonlSink sink(directory.file("missing/events.jsonl"));
    CHECK_THROWS_WITH(sink.take(chunk("alice")),
                      Catch::Contains("cannot open") && Catch::Contains("No such file"));
    std::filesystem::create_directory(directory.file("missing"));
    (void)sink.take(chunk("alice"));
    CHECK(directory.read("missing/events.jsonl") == line("alice"));

    JsonlSink full("/dev/full");
    CHECK_THROWS_WITH(full.take(chunk("alice")), Catch::Contains("No space left on device"));
}

TEST_CASE("a pipe or a directory is no jsonl file, and waits for nobody",
          "[notifier][sinks][jsonl]") {
    const Directory directory;
    REQUIRE(::mkfifo(directory.file().c_str(), 0600) == 0);
    JsonlSink pipe(directory.file());
    CHECK_THROWS_AS(pipe.take(chunk("alice")), SinkFailure);
    JsonlSink folder(directory.path);
    CHECK_THROWS_AS(folder.take(chunk("alice")), SinkFailure);
}
