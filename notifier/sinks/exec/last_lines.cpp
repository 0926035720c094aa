#include "notifier/sinks/exec/last_lines.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include "common/io/private_files.hpp"
#include "common/store/store.hpp"

namespace presence::notifier {

namespace {

// The file is written anew when it holds so many times what is needed.
constexpr std::size_t kSlack = 8;

io::StoreError trouble(const char* doing, const std::filesystem::path& path, int error) {
    return io::StoreError(std::string("cannot ") + doing + " " + path.string() + ": " +
                          std::error_code(error, std::generic_category()).message());
}

void write_to(int file, std::string_view bytes, const std::filesystem::path& path) {
    while (!bytes.empty()) {
        const auto written = ::write(file, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) throw trouble("write", path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

void LastLines::load() {
    std::error_code error;
    if (!std::filesystem::exists(file_, error)) return;
    std::ifstream in(file_, std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (!in) throw trouble("read", file_, EIO);
    // Up to the last newline. What is no event is of a disk that lost it: never synced.
    for (std::string_view left = all; left.find('\n') != std::string_view::npos;) {
        const auto line = left.substr(0, left.find('\n') + 1);
        if (line.starts_with('{') && line.ends_with("}\n")) take(line);
        left.remove_prefix(line.size());
    }
}

void LastLines::take(std::string_view lines) {
    while (!lines.empty()) {
        const auto end = std::min(lines.find('\n'), lines.size() - 1) + 1;
        lines_.emplace_back(lines.substr(0, end));
        bytes_ += end;
        lines.remove_prefix(end);
    }
}

void LastLines::trim() {
    while (!lines_.empty() && bytes_ - lines_.front().size() >= bytes_min_) {
        bytes_ -= lines_.front().size();
        lines_.pop_front();
    }
}

void LastLines::raise_bytes_min(std::size_t bytes) {
    bytes_min_ = std::max(bytes_min_, bytes);
    trim();
}

void LastLines::add(std::string_view lines) {
    take(lines);
    trim();
    if (open_ && file_bytes_ + lines.size() <= kSlack * bytes_min_)
        append(lines);
    else
        rewrite();
}

void LastLines::remove(const std::string& line) {
    const auto found = std::find(lines_.begin(), lines_.end(), line);
    if (found == lines_.end()) return;
    bytes_ -= found->size();
    lines_.erase(found);
    rewrite();
}

void LastLines::append(std::string_view lines) {
    try {
        write_to(open_.get(), lines, file_);
    } catch (...) {
        open_.reset();  // some of it may be written
        throw;
    }
    file_bytes_ += lines.size();
}

// The old one is there until the new one is whole.
void LastLines::rewrite() {
    open_.reset();
    const auto next = std::filesystem::path(file_.string() + ".new");
    auto file = io::open_private(next, O_WRONLY | O_TRUNC);
    if (!file) throw trouble("write", next, errno);
    write_to(file.get(), joined(), next);
    if (::rename(next.c_str(), file_.c_str()) != 0) throw trouble("write", file_, errno);
    open_ = std::move(file);
    file_bytes_ = bytes_;
}

void LastLines::clear() {
    lines_.clear();
    bytes_ = 0;
    open_.reset();
    (void)::unlink(file_.c_str());
}

std::string LastLines::joined() const {
    std::string all;
    all.reserve(bytes_);
    for (const auto& line : lines_)
        all += line;
    return all;
}

}  // namespace presence::notifier
