#include <algorithm>

#include "common/config/postgres_names.hpp"
#include "common/config/read.hpp"

namespace presence {
namespace {

bool plain_identifier(std::string_view text) {
    return !text.empty() && text.size() <= TableName::kBytesMax &&
           (text[0] < '0' || text[0] > '9') && std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
           });
}

bool is_uri(std::string_view dsn) {
    return dsn.starts_with("postgresql://") || dsn.starts_with("postgres://");
}

// postgresql://USER:PASSWORD@HOST, as libpq looks for it.
bool password_before_host(std::string_view dsn) {
    const auto rest = dsn.substr(dsn.find("://") + 3);
    const auto at = rest.find_first_of("@/");
    return at != std::string_view::npos && rest[at] == '@' &&
           rest.substr(0, at).find(':') != std::string_view::npos;
}

void check_table(const std::string& key, const std::string& value, const std::string& place,
                 const ConfigOrigin& origin) {
    TableName name;
    if (const auto fault = parse_table_name(value, name); !fault.empty())
        origin.fail(place + "/" + key, "`" + key + "` = `" + value + "`: " + fault);
}

}  // namespace

std::string parse_table_name(std::string_view text, TableName& out) {
    const auto dot = text.find('.');
    const auto schema = dot == std::string_view::npos ? "" : text.substr(0, dot);
    const auto name = dot == std::string_view::npos ? text : text.substr(dot + 1);
    if (!plain_identifier(name) || (dot != std::string_view::npos && !plain_identifier(schema)))
        return "a table is NAME or SCHEMA.NAME, each of 1 to " +
               std::to_string(TableName::kBytesMax) +
               " of the characters a-z 0-9 _ and not begun by a digit";
    out = {std::string(schema), std::string(name)};
    return {};
}

bool holds_password(std::string_view dsn) {
    if (is_uri(dsn) && password_before_host(dsn)) return true;
    // password=, "password =", ?password=, sslpassword=
    constexpr std::string_view kWord = "password";
    for (auto at = dsn.find(kWord); at != std::string_view::npos; at = dsn.find(kWord, at + 1)) {
        const auto next = dsn.find_first_not_of(" \t\r\n", at + kWord.size());
        if (next != std::string_view::npos && dsn[next] == '=') return true;
    }
    return false;
}

void check_postgres(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin) {
    const auto& p = sink.postgres;
    if (p.dsn.empty())
        origin.fail(place, "the sink `" + sink.name +
                               "` needs a `dsn`: postgresql://USER@HOST/DATABASE, or "
                               "postgresql:///DATABASE for the server of this machine");
    // Not the dsn itself: it may hold a secret.
    if (holds_password(p.dsn))
        origin.fail(place + "/dsn",
                    "`dsn`: a password in it would be printed and would travel wherever this file "
                    "does: put it into a file of its own, `password_file`");
    if (!is_uri(p.dsn) && p.dsn.find('=') == std::string::npos)
        origin.fail(place + "/dsn",
                    "`dsn` is postgresql://USER@HOST:PORT/DATABASE?KEY=VALUE or "
                    "\"host=HOST dbname=DATABASE user=USER\"");
    check_password(sink, place, origin);
    check_table("table", p.table, place, origin);
    if (p.history.empty()) return;
    check_table("history", p.history, place, origin);
    for (const char* suffix : {"", "_sinks", "_now"})
        if (p.history == p.table + suffix)
            origin.fail(place + "/history", "`history` = `" + p.history +
                                                "` is what `table` makes: give it another name");
}

}  // namespace presence
