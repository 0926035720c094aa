#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace presence {

// Counters by the values of an enum that ends in `count_` and has a name_of().
template <class Enum>
class Counters {
public:
    void add(Enum which, std::uint64_t n = 1) { values_[static_cast<std::size_t>(which)] += n; }
    [[nodiscard]] std::uint64_t operator[](Enum which) const {
        return values_[static_cast<std::size_t>(which)];
    }
    [[nodiscard]] std::uint64_t total() const {
        std::uint64_t sum = 0;
        for (const auto v : values_)
            sum += v;
        return sum;
    }
    // fn(std::string_view name, std::uint64_t value), also for zeros.
    template <class Fn>
    void each(Fn&& fn) const {
        for (std::size_t i = 0; i < values_.size(); ++i)
            fn(name_of(static_cast<Enum>(i)), values_[i]);
    }

private:
    std::array<std::uint64_t, static_cast<std::size_t>(Enum::count_)> values_{};
};

}  // namespace presence
