#include "common/io/private_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "common/io/log.hpp"

namespace presence::io {
namespace {

constexpr mode_t kFile = 0600;
constexpr mode_t kDirectory = 0700;
constexpr mode_t kAnybody = 0077;
constexpr mode_t kPermissions = 07777;

}  // namespace

int make_private_directories(const std::filesystem::path& path) {
    std::error_code error;
    if (path.empty() || std::filesystem::is_directory(path, error)) return 0;
    if (const int failed = make_private_directories(path.parent_path())) return failed;
    if (::mkdir(path.c_str(), kDirectory) == 0) return 0;
    if (errno != EEXIST) return errno;
    // Another process was quicker, or the path ends with a slash; or a file has the name.
    return std::filesystem::is_directory(path, error) ? 0 : ENOTDIR;
}

Fd open_private(const std::filesystem::path& file, int flags) {
    Fd fd(::open(file.c_str(), flags | O_CREAT | O_CLOEXEC, kFile));
    struct stat info {};
    // Another user's file is theirs to close; errno of that is nobody's concern.
    if (fd && ::fstat(fd.get(), &info) == 0 && (info.st_mode & kAnybody) != 0)
        (void)::fchmod(fd.get(), info.st_mode & kPermissions & ~kAnybody);
    return fd;
}

void keep_private(const std::filesystem::path& file) {
    // A failure shows when the database is opened.
    const Fd made(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, kFile));
    if (made) return;
    struct stat info {};
    for (const char* part : {"", "-wal", "-shm"})
        if (const auto path = file.string() + part;
            ::stat(path.c_str(), &info) == 0 && (info.st_mode & kAnybody) != 0)
            (void)::chmod(path.c_str(), info.st_mode & kPermissions & ~kAnybody);
}

bool open_to_others(const std::filesystem::path& path) {
    std::error_code error;
    const auto whole = std::filesystem::canonical(path, error);
    struct stat info {};
    if (error || ::stat(whole.c_str(), &info) != 0) return false;
    const mode_t needed = S_ISDIR(info.st_mode) ? S_IXOTH : S_IROTH;
    if ((info.st_mode & needed) == 0) return false;
    for (auto above = whole.parent_path();; above = above.parent_path()) {
        if (::stat(above.c_str(), &info) != 0 || (info.st_mode & S_IXOTH) == 0) return false;
        if (above == above.root_path()) return true;
    }
}

void warn_if_open_to_others(const std::filesystem::path& directory) {
    if (open_to_others(directory))
        log::warn("data_open_to_others",
                  {{"data", std::filesystem::absolute(directory).lexically_normal().string()},
                   {"mode", mode_of(directory)},
                   {"advice", "chmod 700"}});
}

std::string mode_of(const std::filesystem::path& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return "?";
    return fmt::format("{:04o}", info.st_mode & kPermissions);
}

}  // namespace presence::io
