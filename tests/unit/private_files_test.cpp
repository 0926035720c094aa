#include "common/io/private_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <fstream>

#include "common/io/temporary_directory.hpp"
#include "common/store/sqlite.hpp"

namespace presence::io {
namespace {

namespace fs = std::filesystem;

// For as long as it lives.
class Umask {
public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    ~Umask() { ::umask(before_); }
    Umask(const Umask&) = delete;

private:
    mode_t before_;
};

TEST_CASE("files and directories are made for their user alone, whatever the umask", "[private]") {
    for (const mode_t mask : {mode_t{0}, mode_t{0022}, mode_t{0077}}) {
        const Umask set(mask);
        const TemporaryDirectory scratch;
        const auto directory = scratch.path / "a" / "b";
        REQUIRE(make_private_directories(directory) == 0);
        CHECK(mode_of(directory) == "0700");
        CHECK(mode_of(directory.parent_path()) == "0700");
        REQUIRE(open_private(directory / "file", O_WRONLY));
        CHECK(mode_of(directory / "file") == "0600");
    }
}

TEST_CASE("a file that others could read is closed to them, a directory left as it is",
          "[private]") {
    const Umask set(0);
    const TemporaryDirectory scratch;
    fs::create_directory(scratch.path / "open");
    REQUIRE(make_private_directories(scratch.path / "open" / "") == 0);
    CHECK(mode_of(scratch.path / "open") == "0777");
    std::ofstream(scratch.path / "file") << "text";
    REQUIRE(open_private(scratch.path / "file", O_RDWR));
    CHECK(mode_of(scratch.path / "file") == "0600");
    CHECK(fs::file_size(scratch.path / "file") == 4);
}

TEST_CASE("what cannot be made is told by errno", "[private]") {
    const TemporaryDirectory scratch;
    std::ofstream(scratch.path / "file");
    CHECK(make_private_directories(scratch.path / "file" / "a") == ENOTDIR);
    CHECK(make_private_directories(scratch.path / "file") == ENOTDIR);
    CHECK_FALSE(open_private(scratch.path / "none" / "file", O_RDWR));
    CHECK(errno == ENOENT);
}

TEST_CASE("all files of a database are private, those of an earlier version too", "[private]") {
    const Umask set(0);
    const TemporaryDirectory scratch;
    const auto file = scratch.path / "some.sqlite";
    const auto write = [&] {
        auto db = sqlite::open(file.string(), {});
        sqlite::execute(db.get(), "PRAGMA journal_mode=WAL; CREATE TABLE IF NOT EXISTS t(n)");
        sqlite::execute(db.get(), "INSERT INTO t VALUES(1)");
        for (const char* part : {"", "-wal", "-shm"})
            CHECK(mode_of(file.string() + part) == "0600");
        return db;
    };
    {
        const auto first = write();
        for (const char* part : {"", "-wal", "-shm"})
            fs::permissions(file.string() + part, fs::perms{0644});
        (void)write();
    }
    fs::permissions(file, fs::perms{0644});
    (void)write();
}

TEST_CASE("a path is open to others only if all directories above it let them", "[private]") {
    const TemporaryDirectory scratch;  // 0700
    const auto inner = scratch.path / "inner";
    const auto file = inner / "file";
    fs::create_directory(inner);
    std::ofstream{file};
    fs::permissions(inner, fs::perms{0755});
    fs::permissions(file, fs::perms{0644});
    CHECK_FALSE(open_to_others(file));
    fs::permissions(scratch.path, fs::perms{0711});
    CHECK(open_to_others(file));
    CHECK(open_to_others(inner));
    fs::permissions(inner, fs::perms{0750});
    CHECK_FALSE(open_to_others(file));
    CHECK_FALSE(open_to_others(inner));
    fs::permissions(inner, fs::perms{0711});
    fs::permissions(file, fs::perms{0640});
    CHECK_FALSE(open_to_others(file));
    CHECK_FALSE(open_to_others(scratch.path / "none"));
}

}  // namespace
}  // namespace presence::io
