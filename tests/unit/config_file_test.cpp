#include "common/config/file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <fstream>

#include "common/config/config.hpp"
#include "common/io/temporary_directory.hpp"

using namespace presence;

TEST_CASE("a file is read as a whole, or it is told why not", "[config][file]") {
    const io::TemporaryDirectory directory;
    const std::string file = directory.path / "file";
    const std::string text(200'000, 'x');
    std::ofstream(file) << text;
    for (const auto kind : {FileKind::any, FileKind::regular}) {
        CHECK(contents_of(file, text.size(), kind) == text);
        CHECK_THROWS_WITH(contents_of(file, text.size() - 1, kind), "too large");
        CHECK_THROWS_WITH(contents_of(file + "s", 1, kind), "No such file or directory");
    }
    CHECK_THROWS_WITH(contents_of(directory.path, 1, FileKind::any), "Is a directory");
}

TEST_CASE("a pipe is read at the start", "[config][file]") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    REQUIRE(::write(ends[1], "some text", 9) == 9);
    ::close(ends[1]);
    CHECK(contents_of("/dev/fd/" + std::to_string(ends[0]), 9, FileKind::any) == "some text");
    ::close(ends[0]);
}

TEST_CASE("a process that works waits for no pipe", "[config][file]") {
    const io::TemporaryDirectory directory;
    const std::string pipe = directory.path / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK_THROWS_WITH(load_config(pipe, {}, {}, FileKind::regular),
                      pipe +
                          ": cannot be read: not a regular file: a pipe or terminal is read at the "
                          "start only");
}
