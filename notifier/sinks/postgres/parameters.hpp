#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Parameters of statements in Postgres' binary format, so that nothing has to be quoted and times
// are exact: https://www.postgresql.org/docs/15/protocol-overview.html#PROTOCOL-FORMAT-CODES. Pure.
namespace presence::notifier {

enum class PostgresType : std::uint32_t {  // as pg_type numbers them
    boolean = 16,
    bigint = 20,
    integer = 23,
    text = 25,
    timestamptz = 1184
};

struct PostgresParameter {
    std::uint32_t type = 0;
    std::string bytes{};
};

[[nodiscard]] PostgresParameter text_parameter(std::string_view text);
[[nodiscard]] PostgresParameter bigint_parameter(std::int64_t number);
[[nodiscard]] PostgresParameter timestamptz_parameter(std::int64_t micros);

// A timestamptz: microseconds since the year 2000. Nothing for a time that Postgres does not know,
// before 4714 BC or after 294276.
[[nodiscard]] std::optional<std::int64_t> postgres_micros(std::int64_t unix_ms);

// A list of one dimension. Each element is of `type`; add what that is, or null.
class PostgresArray {
public:
    explicit PostgresArray(PostgresType type) : type_(type) {}

    void add_null();
    void add(std::string_view text);
    void add(bool value);
    void add(std::int32_t number);
    void add(std::int64_t number);  // a timestamptz's microseconds as well

    [[nodiscard]] PostgresParameter parameter() const;

private:
    PostgresType type_;
    std::int32_t size_ = 0;
    bool null_ = false;  // one is
    std::string elements_;
};

}  // namespace presence::notifier
