#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace presence {

// A count only grows while the process runs; a gauge says how things are now. Trouble is what
// somebody should look into when it grows.
enum class CounterKind : std::uint8_t { count, gauge, trouble, trouble_gauge };

// One line of a list of counters: all that logs, `status` and docs/reference/counters.md say of it
// follows from there.
struct Counter {
    std::string_view name;
    CounterKind kind = CounterKind::count;
    std::string_view help;  // for a person, one line

    [[nodiscard]] constexpr bool is_trouble() const {
        return kind == CounterKind::trouble || kind == CounterKind::trouble_gauge;
    }
};

struct CounterValue {
    const Counter* counter = nullptr;  // lives as long as the program
    std::int64_t value = 0;
};

// A value for each line of `kList`, an array of Counter with static storage. Each part of a process
// counts in a table of its own; the process tells their sum. Counting is an increment of an
// element: names become indices when the program is compiled.
template <const auto& kList>
class Counters {
public:
    // A line of the list. A name that is not in it does not compile.
    class Key {
    public:
        constexpr Key() = default;  // the first line
        // Implicit, for counters["name"].
        consteval Key(const char* name) {
            while (index_ < kList.size() && kList[index_].name != name)
                ++index_;
            if (index_ == kList.size()) throw "the list has no such counter";
        }
        [[nodiscard]] constexpr std::string_view name() const { return kList[index_].name; }
        friend constexpr bool operator==(Key, Key) = default;

    private:
        friend Counters;
        std::size_t index_ = 0;
    };

    [[nodiscard]] std::uint64_t& operator[](Key key) { return values_[key.index_]; }
    [[nodiscard]] std::uint64_t operator[](Key key) const { return values_[key.index_]; }
    // A gauge may be negative.
    void set(Key key, std::int64_t value) {
        values_[key.index_] = static_cast<std::uint64_t>(value);
    }
    Counters& operator+=(const Counters& other) {
        for (std::size_t i = 0; i < values_.size(); ++i)
            values_[i] += other.values_[i];
        return *this;
    }
    [[nodiscard]] std::uint64_t total() const {
        std::uint64_t sum = 0;
        for (const auto v : values_)
            sum += v;
        return sum;
    }
    // In the order of the list, zeros too.
    void append_to(std::vector<CounterValue>& all) const {
        for (std::size_t i = 0; i < values_.size(); ++i)
            all.push_back({&kList[i], static_cast<std::int64_t>(values_[i])});
    }

private:
    std::array<std::uint64_t, kList.size()> values_{};
};

}  // namespace presence
