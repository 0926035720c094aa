#include "notifier/sinks/jsonl.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "common/io/log.hpp"

namespace presence::notifier {

namespace {

// No event is longer. A file whose last line is was not written by us, and is not ours to cut.
constexpr off_t kLineBytesMax = 64 * 1024;

// Cuts what stands behind the last newline.
void cut_torn_line(int file, off_t size, const std::string& path) {
    const auto tail = std::min(size, kLineBytesMax);
    std::string bytes(static_cast<std::size_t>(tail), '\0');
    const auto got = ::pread(file, bytes.data(), bytes.size(), size - tail);
    if (got != tail) throw failure("read", path);
    const auto newline = bytes.rfind('\n');
    if (newline == std::string::npos && size > tail)
        throw SinkFailure("cannot append to " + path + ": it does not look like JSON lines");
    const auto kept =
        newline == std::string::npos ? 0 : size - tail + static_cast<off_t>(newline) + 1;
    if (kept < size && ::ftruncate(file, kept) != 0) throw failure("cut", path);
}

// What is written to such a file nobody will read.
bool is_deleted(int file) {
    struct stat info {};
    return ::fstat(file, &info) == 0 && info.st_nlink == 0;
}

}  // namespace

void JsonlSink::open() {
    file_.reset();
    // Non-blocking: a named pipe without a reader is refused instead of waited for.
    Fd file(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0644));
    if (!file) throw failure("open", path_);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) throw failure("open", path_);
    if (S_ISREG(info.st_mode))
        cut_torn_line(file.get(), info.st_size, path_);
    else if (!S_ISCHR(info.st_mode))
        throw SinkFailure("cannot append to " + path_ + ": it is not a file");
    file_ = std::move(file);
}

Report JsonlSink::take(const std::vector<Event>& batch) {
    if (file_ && is_deleted(file_.get())) {
        file_.reset();
        io::log::warn("sink_file_deleted", {{"path", path_}});
    }
    if (!file_) open();
    const auto lines = json_lines(batch);
    for (std::string_view left = lines; !left.empty();) {
        const auto written = ::write(file_.get(), left.data(), left.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            const auto reason = failure("write", path_);
            file_.reset();
            throw reason;
        }
        left.remove_prefix(static_cast<std::size_t>(written));
    }
    return Report::all_done(batch.size());
}

Sink::Watch JsonlSink::watch() const {
    return {-1, tended_ ? Instant::max() : Instant{}};
}

void JsonlSink::tend() {
    tended_ = true;
    if (!file_) open();
}

}  // namespace presence::notifier
