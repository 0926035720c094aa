#include "notifier/sinks/postgres/sql.hpp"

#include "common/check.hpp"

namespace presence::notifier {

namespace {

std::string quoted(std::string_view identifier) {
    return '"' + std::string(identifier) + '"';
}

TableName name_of(const std::string& text) {
    TableName name;
    const auto fault = parse_table_name(text, name);
    PRESENCE_CHECK(fault.empty(), "a table name that was accepted");
    return name;
}

}  // namespace

std::string quoted(const TableName& name) {
    return (name.schema.empty() ? "" : quoted(name.schema) + ".") + quoted(name.name);
}

PostgresSql::PostgresSql(const PostgresConfig& config) : name_(name_of(config.table)) {
    table = quoted(name_);
    marks = quoted(TableName{name_.schema, name_.name + "_sinks"});
    view = quoted(TableName{name_.schema, name_.name + "_now"});
    if (config.history.empty()) return;
    const auto log = name_of(config.history);
    history = quoted(log);
    history_schema = log.schema.empty() ? "" : quoted(log.schema) + ".";
    history_name = log.name;
}

// Rows are written again and again: room on each page keeps the new version beside the old one, and
// no index holds what changes.
std::string PostgresSql::create_table() const {
    return "CREATE TABLE " + table +
           " (user_id text COLLATE \"C\" PRIMARY KEY, online boolean NOT NULL, since timestamptz, "
           "last_seen timestamptz, status text, reason text NOT NULL, at timestamptz NOT NULL, "
           "slot integer NOT NULL, epoch bigint NOT NULL, seq bigint NOT NULL) "
           "WITH (fillfactor = 70);";
}

std::string PostgresSql::create_marks() const {
    return "CREATE TABLE " + marks +
           " (sink text PRIMARY KEY, cluster text NOT NULL, notifier text NOT NULL, "
           "as_of timestamptz, freshness text NOT NULL, renewed timestamptz, place text NOT NULL, "
           "filled boolean NOT NULL) WITH (fillfactor = 50);";
}

// A row of a mark that is live says what is so; one that is older than 30 s is nobody's.
std::string PostgresSql::create_view() const {
    return "CREATE VIEW " + view +
           " AS SELECT p.user_id, CASE WHEN NOT m.live THEN 'unknown' WHEN p.online THEN 'online' "
           "ELSE 'offline' END AS state, p.since, p.last_seen, p.status, p.reason, p.at FROM " +
           table +
           " p CROSS JOIN (SELECT coalesce(bool_or(freshness = 'live' AND renewed > "
           "statement_timestamp() - interval '30 s'), false) AS live FROM " +
           marks + ") m;";
}

std::string PostgresSql::create_history() const {
    return "CREATE TABLE " + history +
           " (at timestamptz NOT NULL, event_id text COLLATE \"C\" NOT NULL, user_id text COLLATE "
           "\"C\", online boolean, reason text NOT NULL, status text, slot integer NOT NULL, epoch "
           "bigint NOT NULL, seq bigint NOT NULL, PRIMARY KEY (at, event_id)) PARTITION BY RANGE "
           "(at); CREATE INDEX ON " +
           history + " (user_id, at);";
}

const char* PostgresSql::what_is_there() {
    return "SELECT to_regclass($1) IS NULL, to_regclass($2) IS NULL, to_regclass($3) IS NULL, "
           "$4 <> '' AND to_regclass(nullif($4, '')) IS NULL, coalesce((SELECT relkind = 'p' FROM "
           "pg_class WHERE oid = to_regclass(nullif($4, ''))), false)";
}

std::string PostgresSql::open_mark() const {
    return "INSERT INTO " + marks +
           " AS m (sink, cluster, notifier, freshness, place, filled) VALUES ($1, $2, $3, "
           "'warming', '', false) ON CONFLICT (sink) DO UPDATE SET cluster = excluded.cluster, "
           "notifier = excluded.notifier RETURNING place, filled AND NOT EXISTS (SELECT FROM " +
           table + ")";
}

std::string PostgresSql::forget_mark() const {
    return "UPDATE " + marks + " SET place = '', filled = false WHERE sink = $1";
}

// The events once, then the mark, which is the lock between two who write under one name, and then
// only what it lets through. Each part sees the tables as they were before.
std::string PostgresSql::write() const {
    constexpr const char* kRow =
        "user_id, online, since, last_seen, status, reason, at, slot, epoch, seq";
    const bool logs = !history.empty();
    std::string sql =
        "WITH e AS MATERIALIZED (SELECT * FROM unnest($6::text[], $7::bool[], $8::timestamptz[], "
        "$9::timestamptz[], $10::text[], $11::text[], $12::timestamptz[], $13::int[], "
        "$14::bigint[], $15::bigint[], $16::bool[]";
    sql += logs ? ", $17::text[], $18::bool[]" : "";
    sql.append(") AS e(").append(kRow).append(", newest").append(logs ? ", event_id, logged" : "");
    sql += ")), mark AS (UPDATE " + marks +
           " SET place = $3, as_of = $4, freshness = $5, renewed = clock_timestamp(), filled = "
           "filled OR EXISTS (SELECT FROM e WHERE newest) WHERE sink = $1 AND place = $2 AND (NOT "
           "filled OR EXISTS (SELECT FROM " +
           table + ")) RETURNING true), state AS (INSERT INTO " + table + " AS held (" + kRow +
           ") SELECT " + kRow +
           " FROM e WHERE newest AND EXISTS (SELECT FROM mark) ON CONFLICT (user_id) DO UPDATE SET "
           "online = excluded.online, since = excluded.since, last_seen = excluded.last_seen, "
           "status = excluded.status, reason = excluded.reason, at = excluded.at, slot = "
           "excluded.slot, epoch = excluded.epoch, seq = excluded.seq WHERE (held.epoch, held.seq) "
           "<= (excluded.epoch, excluded.seq))";
    if (logs)
        sql += ", history AS (INSERT INTO " + history +
               " (at, event_id, user_id, online, reason, status, slot, epoch, seq) SELECT at, "
               "event_id, user_id, online, reason, status, slot, epoch, seq FROM e WHERE logged "
               "AND EXISTS (SELECT FROM mark) ON CONFLICT DO NOTHING)";
    return sql + " SELECT count(*) FROM mark";
}

std::string PostgresSql::page(std::size_t limit) const {
    return "SELECT user_id, online FROM " + table + " WHERE user_id > $1 ORDER BY user_id LIMIT " +
           std::to_string(limit);
}

std::string PostgresSql::not_online() const {
    return "UPDATE " + table + " SET online = false, reason = 'reconcile' WHERE user_id = $1";
}

std::string PostgresSql::count() const {
    return "SELECT count(*) FROM " + table + " WHERE online";
}

}  // namespace presence::notifier
