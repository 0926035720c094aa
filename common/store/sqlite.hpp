#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "common/time.hpp"

// As much of SQLite as the store needs. Errors throw.
namespace presence::io::sqlite {

struct Error : std::runtime_error {
    // `code` is the extended one; what() says it as people do.
    Error(int error_code, const std::string& text) : std::runtime_error(text), code(error_code) {}
    // The file's contents are at fault, not its surroundings.
    [[nodiscard]] bool damage() const;
    // Another connection has it.
    [[nodiscard]] bool busy() const;
    // Its pages contradict one another.
    [[nodiscard]] bool malformed() const;

    int code;
};

struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using Database = std::unique_ptr<sqlite3, Close>;

// Opens or makes `file`, for this user alone, without a mutex of its own, and so that damage in it
// is seen and does no harm. `vfs` may be empty.
[[nodiscard]] Database open(const std::string& file, const std::string& vfs);
// Again and again while another connection has the file, and for so long; then throws. SQLite's own
// waiting (sqlite3_busy_timeout) leaves out where it could wait for ever: while one connection
// makes the file, or the last one leaves it, "database is locked" comes at once.
void while_busy(Duration patience, const std::function<void()>& fn);
// For what returns nothing.
void execute(sqlite3* db, const char* sql);
// The first number of the first row, or 0.
[[nodiscard]] std::int64_t ask(sqlite3* db, const char* sql);
// What file(1) and sqlite3 show, and the format.
void set_header(sqlite3* db, std::uint32_t application_id, std::uint64_t format);
[[noreturn]] void fail(sqlite3* db, int code);

// For a person: what failed and why; that a newer program wrote the file; what became of a damaged
// one.
using Path = std::filesystem::path;
[[nodiscard]] std::string trouble(const char* doing, const Path& file, const Error& error);
[[nodiscard]] std::string newer(const Path& file, std::uint64_t format, std::uint64_t known);
[[nodiscard]] std::string moved(const Path& file, const std::string& why, const std::string& to);

// A prepared statement. Parameters count from 1, columns from 0.
class Statement {
public:
    Statement() = default;
    Statement(sqlite3* db, const char* sql);

    void bind(int parameter, std::int64_t value);
    void bind(int parameter, std::uint64_t value);
    // The bytes must live until the statement is reset.
    void bind(int parameter, std::string_view blob);

    // Whether there is a row.
    [[nodiscard]] bool step();
    void reset();
    // Steps to the end of a statement without rows, and resets it.
    void run();

    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::uint64_t number(int column) const;
    // Valid until the next step or reset.
    [[nodiscard]] std::string_view blob(int column) const;

private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// Steps through a statement, which is reset at the end, also by an exception.
class Rows {
public:
    explicit Rows(Statement& statement) : statement_(statement) {}
    ~Rows() { statement_.reset(); }
    Rows(const Rows&) = delete;

    [[nodiscard]] bool next() { return statement_.step(); }

private:
    Statement& statement_;
};

}  // namespace presence::io::sqlite
