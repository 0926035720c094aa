#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "tests/fuzz/fuzz.hpp"

// An input as several messages: each a byte for its kind, two for its length, and itself.
class Parts {
public:
    explicit Parts(std::string_view bytes) : left_(bytes) {}

    struct Part {
        std::uint8_t kind = 0;
        std::string_view bytes;
    };
    std::optional<Part> next() {
        if (left_.size() < 3) return std::nullopt;
        const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(left_[i]); };
        const std::size_t length = at(1) + 256u * at(2);
        const Part part{at(0), left_.substr(3, length)};
        left_.remove_prefix(std::min(left_.size(), 3 + length));
        return part;
    }

private:
    std::string_view left_;
};
