#pragma once

#include <string>
#include <string_view>

#include "common/config/config.hpp"
#include "common/config/postgres_names.hpp"

namespace presence::notifier {

// What the postgres sink says to a server. Pure. Requires: names that the configuration accepted.
//
//   <table>        a row for each user ever told
//   <table>_sinks  the marks, a row for each sink that writes here
//   <table>_now    a view: <table>, with the state 'unknown' while no mark is live
//   <history>      each event once, a partition for each day (UTC)
class PostgresSql {
public:
    explicit PostgresSql(const PostgresConfig& config);

    // Quoted, as to_regclass() takes them as well.
    std::string table, marks, view, history;  // no history: empty
    std::string history_schema;               // "\"app\"." or nothing
    std::string history_name;                 // without schema or quotes

    // Statements that make one of them.
    [[nodiscard]] std::string create_table() const;
    [[nodiscard]] std::string create_marks() const;
    [[nodiscard]] std::string create_view() const;
    [[nodiscard]] std::string create_history() const;

    // $1 to $4: the four names above. One row: whether each is missing (of an empty name: false),
    // and whether the history is partitioned.
    [[nodiscard]] static const char* what_is_there();
    // $1 sink, $2 cluster, $3 notifier. Makes the sink's mark if there is none, and answers with
    // its place, and whether the table was emptied since a user was written to it.
    [[nodiscard]] std::string open_mark() const;
    // $1 sink. The table was emptied: its mark is none.
    [[nodiscard]] std::string forget_mark() const;

    // The one statement that writes: $1 sink, $2 the place that its mark has to have, $3 the next,
    // $4 as_of, $5 freshness, then arrays, an element for each event: $6 user, $7 online, $8 since,
    // $9 last_seen, $10 status, $11 reason, $12 at, $13 slot, $14 epoch, $15 seq, $16 whether it is
    // its user's newest, which is for the table; with a history also $17 id, $18 whether it is for
    // the history. Answers with 1, or 0 if the mark is another, or the table was emptied: then
    // nothing was done. A user stands once among the newest.
    [[nodiscard]] std::string write() const;

    // $1 user: the next `limit` users behind that one, and whether they are online.
    [[nodiscard]] std::string page(std::size_t limit) const;
    // $1 user: whoever that is, they are no user of ours.
    [[nodiscard]] std::string not_online() const;
    // How many are online.
    [[nodiscard]] std::string count() const;

private:
    TableName name_;
};

// "\"app\".\"presence\"".
[[nodiscard]] std::string quoted(const TableName& name);

}  // namespace presence::notifier
