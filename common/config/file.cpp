#include "common/config/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace presence {
namespace {

class OpenFile {
public:
    OpenFile(const std::string& name, int flags)
        : fd_(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | flags)) {
        if (fd_ < 0) throw UnreadableFile(std::strerror(errno));
    }
    ~OpenFile() { ::close(fd_); }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    [[nodiscard]] bool regular() const {
        struct stat info {};
        return ::fstat(fd_, &info) == 0 && S_ISREG(info.st_mode);
    }
    // False at the end.
    bool append_to(std::string& text) const {
        std::array<char, 64 * 1024> bytes;
        const auto got = ::read(fd_, bytes.data(), bytes.size());
        if (got < 0 && errno != EINTR) throw UnreadableFile(std::strerror(errno));
        if (got > 0) text.append(bytes.data(), static_cast<std::size_t>(got));
        return got != 0;
    }

private:
    int fd_;
};

}  // namespace

std::string contents_of(const std::string& file, std::size_t bytes_max, FileKind kind) {
    const OpenFile open(file, kind == FileKind::regular ? O_NONBLOCK : 0);
    if (kind == FileKind::regular && !open.regular())
        throw UnreadableFile("not a regular file: a pipe or terminal is read at the start only");
    std::string text;
    while (open.append_to(text))
        if (text.size() > bytes_max) throw UnreadableFile("too large");
    return text;
}

}  // namespace presence
