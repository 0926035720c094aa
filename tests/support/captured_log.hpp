#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace presence::test {

// What shells log while it lives: standard error leads here meanwhile.
class CapturedLog {
public:
    CapturedLog() : file_(::memfd_create("log", 0)), before_(::dup(STDERR_FILENO)) {
        ::dup2(file_, STDERR_FILENO);
    }
    ~CapturedLog() {
        ::dup2(before_, STDERR_FILENO);
        ::close(before_);
        ::close(file_);
    }
    CapturedLog(const CapturedLog&) = delete;

    // The lines since the last call, without time and process: "warn sink_failed sink=s1 ...".
    std::vector<std::string> take() {
        std::vector<std::string> lines;
        for (std::string line; next(line);)
            lines.push_back(part(line, "level=") + " " + line.substr(line.find("event=") + 6));
        return lines;
    }

private:
    bool next(std::string& line) {
        line.clear();
        for (char c = 0; ::pread(file_, &c, 1, read_) == 1; line += c) {
            ++read_;
            if (c == '\n') return true;
        }
        return false;
    }
    static std::string part(const std::string& line, const std::string& key) {
        const auto at = line.find(key) + key.size();
        return line.substr(at, line.find(' ', at) - at);
    }

    int file_;
    int before_;
    off_t read_ = 0;
};

}  // namespace presence::test
