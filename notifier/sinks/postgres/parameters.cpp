#include "notifier/sinks/postgres/parameters.hpp"

#include <type_traits>

namespace presence::notifier {

namespace {

constexpr std::int64_t kYear2000Ms = 946'684'800'000;
// MIN_TIMESTAMP and END_TIMESTAMP of its datatype/timestamp.h.
constexpr std::int64_t kMicrosMin = -211'813'488'000'000'000;
constexpr std::int64_t kMicrosEnd = 9'223'371'331'200'000'000;

template <class Number>
void append(std::string& out, Number number) {
    const auto bits = static_cast<std::make_unsigned_t<Number>>(number);
    for (int shift = static_cast<int>(sizeof bits) * 8 - 8; shift >= 0; shift -= 8)
        out += static_cast<char>((bits >> shift) & 0xff);
}

template <class Number>
std::string bytes_of(Number number) {
    std::string out;
    append(out, number);
    return out;
}

std::uint32_t array_of(PostgresType type) {
    switch (type) {
        case PostgresType::boolean:
            return 1000;
        case PostgresType::bigint:
            return 1016;
        case PostgresType::integer:
            return 1007;
        case PostgresType::text:
            return 1009;
        case PostgresType::timestamptz:
            return 1185;
    }
    return 0;
}

}  // namespace

PostgresParameter text_parameter(std::string_view text) {
    return {static_cast<std::uint32_t>(PostgresType::text), std::string(text)};
}

PostgresParameter bigint_parameter(std::int64_t number) {
    return {static_cast<std::uint32_t>(PostgresType::bigint), bytes_of(number)};
}

PostgresParameter timestamptz_parameter(std::int64_t micros) {
    return {static_cast<std::uint32_t>(PostgresType::timestamptz), bytes_of(micros)};
}

std::optional<std::int64_t> postgres_micros(std::int64_t unix_ms) {
    constexpr auto kMin = kMicrosMin / 1000 + kYear2000Ms;
    constexpr auto kEnd = kMicrosEnd / 1000 + kYear2000Ms;
    if (unix_ms < kMin || unix_ms >= kEnd) return std::nullopt;
    return (unix_ms - kYear2000Ms) * 1000;
}

void PostgresArray::add_null() {
    append(elements_, std::int32_t{-1});
    null_ = true;
    ++size_;
}

void PostgresArray::add(std::string_view text) {
    append(elements_, static_cast<std::int32_t>(text.size()));
    elements_ += text;
    ++size_;
}

void PostgresArray::add(bool value) {
    append(elements_, std::int32_t{1});
    elements_ += value ? '\1' : '\0';
    ++size_;
}

void PostgresArray::add(std::int32_t number) {
    append(elements_, std::int32_t{4});
    append(elements_, number);
    ++size_;
}

void PostgresArray::add(std::int64_t number) {
    append(elements_, std::int32_t{8});
    append(elements_, number);
    ++size_;
}

PostgresParameter PostgresArray::parameter() const {
    PostgresParameter out{array_of(type_), {}};
    out.bytes.reserve(20 + elements_.size());
    append(out.bytes, std::int32_t{size_ > 0 ? 1 : 0});  // dimensions
    append(out.bytes, std::int32_t{null_ ? 1 : 0});
    append(out.bytes, static_cast<std::uint32_t>(type_));
    if (size_ == 0) return out;
    append(out.bytes, size_);
    append(out.bytes, std::int32_t{1});  // the first index
    out.bytes += elements_;
    return out;
}

}  // namespace presence::notifier
