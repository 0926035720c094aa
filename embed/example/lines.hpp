#pragma once

#include <unistd.h>

#include <string>

// Whole lines out of a file that has input. Here they stand for heartbeats: an id each.
class Lines {
public:
    // Reads once; calls fn(line) for each that is complete. Returns false at the end of the input.
    template <class Fn>
    bool read(int fd, Fn&& fn) {
        char bytes[4096];
        const auto count = ::read(fd, bytes, sizeof bytes);
        if (count <= 0) return false;
        text_.append(bytes, static_cast<std::size_t>(count));
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = text_.find('\n', begin)) != std::string::npos;) {
            fn(text_.substr(begin, end - begin));
            begin = end + 1;
        }
        text_.erase(0, begin);
        return true;
    }

private:
    std::string text_;
};
