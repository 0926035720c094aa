#include "notifier/sinks/exec/last_lines.hpp"

#include <catch2/catch.hpp>
#include <fstream>

#include "common/io/temporary_directory.hpp"
#include "common/store/store.hpp"

using namespace presence;
using notifier::LastLines;

namespace {

std::string loaded(const std::filesystem::path& file, std::size_t bytes_min = 1'000'000) {
    LastLines lines(file);
    lines.load();
    lines.raise_bytes_min(bytes_min);
    return lines.joined();
}

std::string line(int number) {
    return "{" + std::to_string(number) + "}\n";
}

}  // namespace

TEST_CASE("a line that is removed comes no more, here and after a restart", "[notifier][exec]") {
    const io::TemporaryDirectory directory;
    LastLines lines(directory.path / "given.jsonl");
    lines.raise_bytes_min(1'000);
    lines.add("{a}\n{b}\n{c}\n");
    lines.remove("{x}\n");
    lines.remove("{b}\n");
    CHECK(lines.joined() == "{a}\n{c}\n");
    CHECK(lines.bytes() == 8);
    lines.add("{d}\n");
    LastLines again(directory.path / "given.jsonl");
    again.load();
    CHECK(again.joined() == "{a}\n{c}\n{d}\n");
}

TEST_CASE("the last lines hold whole lines of at least the bytes asked for",
          "[notifier][sinks][exec]") {
    const io::TemporaryDirectory directory;
    LastLines lines(directory.path / "given");
    lines.raise_bytes_min(6);
    lines.add("{a}\n{b}\n");
    CHECK(lines.joined() == "{a}\n{b}\n");
    lines.add("{}\n");
    CHECK(lines.joined() == "{b}\n{}\n");
    lines.raise_bytes_min(2);
    CHECK(lines.joined() == "{b}\n{}\n");
    lines.add("{dddddddddddd}\n");
    CHECK(lines.joined() == "{dddddddddddd}\n");
}

TEST_CASE("the last lines outlive the process at every moment, in a file that stays small",
          "[notifier][sinks][exec]") {
    const io::TemporaryDirectory directory;
    const auto file = directory.path / "given";
    LastLines lines(file);
    lines.raise_bytes_min(100);
    for (int number = 0; number < 1'000; ++number) {
        lines.add(line(number));
        REQUIRE(loaded(file).ends_with(lines.joined()));
        REQUIRE(loaded(file, 100) == lines.joined());
        REQUIRE(std::filesystem::file_size(file) <= 800);
    }
    lines.clear();
    CHECK(lines.joined().empty());
    CHECK(loaded(file).empty());
    lines.add("{new}\n");
    CHECK(loaded(file) == "{new}\n");
}

TEST_CASE("of a file that was torn the whole lines are left", "[notifier][sinks][exec]") {
    const io::TemporaryDirectory directory;
    const auto file = directory.path / "given";
    std::ofstream(file) << "{a}\n" << std::string(8, '\0') << "\n{b}\n{\"tor";
    CHECK(loaded(file) == "{a}\n{b}\n");
}

TEST_CASE("last lines that cannot be written are told, and are there once they can be",
          "[notifier][sinks][exec]") {
    const io::TemporaryDirectory directory;
    const auto file = directory.path / "later" / "given";
    LastLines lines(file);
    lines.raise_bytes_min(100);
    CHECK_THROWS_WITH(lines.add("{a}\n"), Catch::Contains("No such file or directory"));
    std::filesystem::create_directory(file.parent_path());
    lines.add("{b}\n");
    CHECK(loaded(file) == "{a}\n{b}\n");
}
