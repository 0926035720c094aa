#include "common/store/sqlite.hpp"

#include <cerrno>
#include <cstring>
#include <thread>

#include "common/io/clock.hpp"
#include "common/io/private_files.hpp"

namespace presence::io::sqlite {
namespace {

std::string lower_first(const char* text) {
    std::string out = text;
    if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = static_cast<char>(out[0] + 32);
    return out;
}

std::string explain(sqlite3* db, int code) {
    if ((code & 0xff) == SQLITE_FULL) return "disk full (" + std::string(strerror(ENOSPC)) + ")";
    int system = db ? sqlite3_system_errno(db) : 0;
    if (system == 0) system = errno;  // SQLite does not take it over when a COMMIT fails
    // The limits of a file and of a user are full disks too.
    if ((code & 0xff) == SQLITE_IOERR && (system == EFBIG || system == EDQUOT))
        return "disk full (" + std::string(strerror(system)) + ")";
    const bool about_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN ||
                              (code & 0xff) == SQLITE_PERM || (code & 0xff) == SQLITE_READONLY;
    auto text = lower_first(sqlite3_errstr(code & 0xff));
    if (about_system && system != 0) return text + " (" + strerror(system) + ")";
    if (db && sqlite3_errmsg(db) != std::string_view(sqlite3_errstr(code)))
        text += std::string(" (") + sqlite3_errmsg(db) + ")";
    return text;
}

}  // namespace

bool Error::damage() const {
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_FORMAT:
        case SQLITE_ERROR:     // our statements do not fit its tables
        case SQLITE_READONLY:  // the file may be written, its header says otherwise
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
        case SQLITE_TOOBIG:
        case SQLITE_SCHEMA:
            return true;
        default:
            return code == SQLITE_IOERR_CORRUPTFS;
    }
}

bool Error::busy() const {
    return (code & 0xff) == SQLITE_BUSY;
}

bool Error::malformed() const {
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

void fail(sqlite3* db, int code) {
    throw Error(code, explain(db, code));
}

void while_busy(Duration patience, const std::function<void()>& fn) {
    constexpr std::chrono::milliseconds kAgain{10};
    const auto began = now();
    for (;;) {
        try {
            return fn();
        } catch (const Error& error) {
            if (!error.busy() || now() - began > patience) throw;
            std::this_thread::sleep_for(kAgain);
        }
    }
}

Database open(const std::string& file, const std::string& vfs) {
    keep_private(file);
    sqlite3* db = nullptr;
    const int code = sqlite3_open_v2(
        file.c_str(), &db,
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
        vfs.empty() ? nullptr : vfs.c_str());
    Database owned(db);
    if (code != SQLITE_OK) fail(db, code);
    execute(db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0");
    return owned;
}

void execute(sqlite3* db, const char* sql) {
    const int code = sqlite3_exec(db, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(db, code);
}

std::int64_t ask(sqlite3* db, const char* sql) {
    Statement statement(db, sql);
    return statement.step() ? statement.integer(0) : 0;
}

void set_header(sqlite3* db, std::uint32_t application_id, std::uint64_t format) {
    execute(db, ("PRAGMA application_id=" + std::to_string(application_id) +
                 "; PRAGMA user_version=" + std::to_string(format))
                    .c_str());
}

std::string trouble(const char* doing, const Path& file, const Error& error) {
    return std::string("cannot ") + doing + " " + file.string() + ": " + error.what();
}

std::string newer(const Path& file, std::uint64_t format, std::uint64_t known) {
    return file.string() + " has format " + std::to_string(format) + ", newer than " +
           std::to_string(known) + ", the newest this program knows";
}

std::string moved(const Path& file, const std::string& why, const std::string& to) {
    return file.string() + " was damaged (" + why + "): it is " + to +
           " now, and a new one was begun";
}

Statement::Statement(sqlite3* db, const char* sql) {
    sqlite3_stmt* statement = nullptr;
    const int code =
        sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    statement_.reset(statement);
    if (code != SQLITE_OK) fail(db, code);
}

void Statement::bind(int parameter, std::int64_t value) {
    const int code = sqlite3_bind_int64(statement_.get(), parameter, value);
    if (code != SQLITE_OK) fail(sqlite3_db_handle(statement_.get()), code);
}

void Statement::bind(int parameter, std::uint64_t value) {
    bind(parameter, static_cast<std::int64_t>(value));
}

void Statement::bind(int parameter, std::string_view blob) {
    // A null pointer would be NULL, not an empty blob.
    const int code = sqlite3_bind_blob64(
        statement_.get(), parameter, blob.data() ? blob.data() : "", blob.size(), SQLITE_STATIC);
    if (code != SQLITE_OK) fail(sqlite3_db_handle(statement_.get()), code);
}

bool Statement::step() {
    errno = 0;
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    auto* db = sqlite3_db_handle(statement_.get());
    const Error error(code, explain(db, code));
    reset();
    throw error;
}

void Statement::reset() {
    sqlite3_reset(statement_.get());
}

void Statement::run() {
    while (step()) {
    }
    reset();
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

std::uint64_t Statement::number(int column) const {
    return static_cast<std::uint64_t>(integer(column));
}

std::string_view Statement::blob(int column) const {
    const void* bytes = sqlite3_column_blob(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return bytes ? std::string_view(static_cast<const char*>(bytes), static_cast<std::size_t>(size))
                 : std::string_view();
}

}  // namespace presence::io::sqlite
