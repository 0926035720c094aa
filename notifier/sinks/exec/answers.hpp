#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace presence::notifier {

// What a program says on its standard output: lines {"id":"..."}, other keys of which are left
// alone. Whatever else it says is ignored; memory is bounded by one line.
//
// Pure.
class Answers {
public:
    static constexpr std::size_t kLineBytesMax = 4096;
    static constexpr const char* kNoAnswer = "a line that is no JSON object with an id";
    static constexpr const char* kTooLong = "a line of more than 4096 bytes";

    struct Line {
        std::string id;          // empty: it is none
        const char* fault = "";  // and why
    };
    // The lines that end in these bytes. A blank one is no line.
    [[nodiscard]] std::vector<Line> take(std::string_view bytes);
    // Another program speaks from here on.
    void reset() { *this = {}; }

private:
    std::string partial_;
    bool too_long_ = false;
};

}  // namespace presence::notifier
