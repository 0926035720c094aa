#pragma once

#include <string>
#include <string_view>

namespace presence {

// "[SCHEMA.]NAME", each of a-z 0-9 _ and not begun by a digit: what Postgres takes without quotes
// as it is written, so that people who type it find the same table.
struct TableName {
    // So that a suffix of ours, as that of a day's partition, still fits into Postgres' 63 bytes.
    static constexpr std::size_t kBytesMax = 48;

    std::string schema;  // empty: where the role's search_path leads
    std::string name;
};

// Fills `out` and returns nothing, or says what is wrong, ready to follow "`table`: ".
[[nodiscard]] std::string parse_table_name(std::string_view text, TableName& out);

// As far as the text tells; the sink has libpq take it apart.
[[nodiscard]] bool holds_password(std::string_view dsn);

}  // namespace presence
