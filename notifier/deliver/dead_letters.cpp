#include "notifier/deliver/dead_letters.hpp"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

#include "common/store/store.hpp"

namespace presence::notifier {

namespace {

namespace sqlite = io::sqlite;

constexpr const char* kFile = "dead.sqlite";
constexpr std::uint32_t kApplicationId = 0x7072646c;  // "prdl"
constexpr std::int64_t kFormat = 1;
constexpr Duration kPatience = io::Store::kPatience;

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS dead(number INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB UNIQUE,"
    " user BLOB, event BLOB, failure BLOB, attempts INTEGER, died_ms INTEGER, wanted INTEGER);"
    "CREATE INDEX IF NOT EXISTS dead_user ON dead(user);"
    "CREATE INDEX IF NOT EXISTS dead_wanted ON dead(user) WHERE wanted=1;";

// Rolls back unless committed.
class Transaction {
public:
    explicit Transaction(sqlite3* db) : db_(db) { sqlite::execute(db_, "BEGIN IMMEDIATE"); }
    ~Transaction() {
        if (db_ != nullptr) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
    }
    Transaction(const Transaction&) = delete;
    void commit() {
        sqlite::execute(db_, "COMMIT");
        db_ = nullptr;
    }

private:
    sqlite3* db_;
};

// The notice with this id, which holds all of it.
std::optional<Event> notice_of(std::string_view id) {
    constexpr std::string_view kBefore = "gap.";
    const auto dot = id.rfind('.');
    if (!id.starts_with(kBefore) || dot < kBefore.size()) return {};
    Event notice;
    notice.reason = "gap";
    notice.status = id.substr(kBefore.size(), dot - kBefore.size());
    const auto digits = id.substr(dot + 1);
    std::from_chars(digits.data(), digits.data() + digits.size(), notice.at_ms);
    return id_of(notice) == id ? std::optional(std::move(notice)) : std::nullopt;
}

}  // namespace

template <class Body>
auto DeadLetters::guarded(const char* doing, Body&& body) const {
    try {
        return body();
    } catch (const sqlite::Error& error) {
        throw io::StoreError(sqlite::trouble(doing, file_, error));
    }
}

DeadLetters::DeadLetters(const std::filesystem::path& directory, std::uint64_t letters_max,
                         Damaged damaged)
    : file_(directory / kFile), letters_max_(letters_max) {
    if (!there(directory)) return;
    guarded("open", [&] { open(damaged); });
    maybe_added_ = true;
}

bool DeadLetters::there(const std::filesystem::path& directory) {
    std::error_code error;
    return std::filesystem::exists(directory / kFile, error);
}

void DeadLetters::open(Damaged damaged) {
    try {
        connect();
        sqlite::Statement check(db_.get(), "PRAGMA quick_check(1)");
        if (check.step() && check.blob(0) != "ok")
            throw sqlite::Error(SQLITE_CORRUPT, std::string(check.blob(0)));
        read_wanted();
    } catch (const sqlite::Error& error) {
        if (!error.malformed() || damaged == Damaged::refused) throw;
        move_aside(error.what());
        connect();
    }
}

void DeadLetters::connect() {
    sqlite::while_busy(kPatience, [this] { connect_once(); });
}

void DeadLetters::connect_once() {
    db_ = sqlite::open(file_.string(), {});
    auto* db = db_.get();
    sqlite3_busy_timeout(db, static_cast<int>(kPatience / 1ms));
    const auto format = sqlite::ask(db, "PRAGMA user_version");
    const auto application = sqlite::ask(db, "PRAGMA application_id");
    if (application != 0 && application != kApplicationId)
        throw io::StoreError(file_.string() + " holds no dead letters, but something else");
    if (format > kFormat)
        throw io::StoreError(sqlite::newer(file_, static_cast<std::uint64_t>(format), kFormat));
    // Synced: it is all that remains of these events, and they are few.
    sqlite::execute(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
    if (application == kApplicationId) return;
    Transaction transaction(db);
    sqlite::execute(db, kSchema);
    sqlite::set_header(db, kApplicationId, kFormat);
    transaction.commit();
}

// The latest only is kept.
void DeadLetters::move_aside(const std::string& why) {
    db_.reset();
    const auto aside = file_.string() + ".damaged";
    for (const char* part : {"", "-wal"})
        if (::rename((file_.string() + part).c_str(), (aside + part).c_str()) != 0 &&
            errno != ENOENT)
            throw io::StoreError("cannot move " + file_.string() + ": " + std::strerror(errno));
    (void)::unlink((file_.string() + "-shm").c_str());
    moved_ = sqlite::moved(file_, why, aside);
}

// What is written to a deleted file goes with the process.
void DeadLetters::let_go_if_deleted() {
    if (!db_ || there(file_.parent_path())) return;
    db_.reset();
    kept_ = 0;
    set_wanted({});
    seen_version_ = -1;
}

void DeadLetters::set_wanted(Wanted wanted) {
    const std::lock_guard lock(wanted_mutex_);
    wanted_ = std::move(wanted);
    wanted_users_ = {wanted_.users.begin(), wanted_.users.end()};
    wanted_notices_.clear();
    for (const auto& notice : wanted_.notices)
        wanted_notices_.insert(id_of(notice));
}

void DeadLetters::add(const std::vector<Event>& events, const std::string& failure,
                      std::uint64_t attempts, std::int64_t now_ms) {
    std::vector<DeadLine> lines;
    lines.reserve(events.size());
    for (const auto& event : events)
        lines.push_back({id_of(event), event.user, to_json(event)});
    add(lines, failure, attempts, now_ms);
}

void DeadLetters::add(const std::vector<DeadLine>& lines, const std::string& failure,
                      std::uint64_t attempts, std::int64_t now_ms) {
    let_go_if_deleted();
    guarded("write", [&] {
        if (!db_) connect();
        settle();
        Transaction transaction(db_.get());
        sqlite::Statement put(db_.get(),
                              "INSERT OR REPLACE INTO dead(id,user,event,failure,attempts,died_ms,"
                              "wanted) VALUES(?,?,?,?,?,?,0)");
        sqlite::Statement unwant(db_.get(), "UPDATE dead SET wanted=0 WHERE user=? AND wanted=1");
        for (const auto& line : lines) {
            put.bind(1, std::string_view(line.id));
            put.bind(2, std::string_view(line.user));
            put.bind(3, std::string_view(line.json));
            put.bind(4, std::string_view(failure));
            put.bind(5, attempts);
            put.bind(6, now_ms);
            put.run();
            if (line.user.empty()) continue;
            unwant.bind(1, std::string_view(line.user));
            unwant.run();
        }
        const auto letters = sqlite::ask(db_.get(), "SELECT count(*) FROM dead");
        if (static_cast<std::uint64_t>(letters) > letters_max_)
            throw io::StoreError("there would be " + std::to_string(letters) +
                                 " dead letters and `dead_max` is " + std::to_string(letters_max_) +
                                 ": replay or drop some");
        transaction.commit();
        for (const auto& line : lines)
            added_.insert(line.id);
        read_wanted();
    });
}

std::uint64_t DeadLetters::taken(const std::vector<Event>& events) {
    if (events.empty()) return 0;
    const auto added = std::exchange(added_, {});
    if (!db_ || (wanted_.empty() && !maybe_added_)) return 0;
    for (const auto& event : events) {
        const auto id = id_of(event);
        if ((maybe_added_ && !added.contains(id)) || wanted_notices_.contains(id))
            settled_.push_back({{}, id});
        if (wanted_users_.contains(event.user)) settled_.push_back({event.user, {}});
    }
    maybe_added_ = false;
    return guarded("write", [&] { return settle(); });
}

// What was taken is removed before all else, or a letter that died later could go with it. If that
// fails, nobody is wanted until it succeeds, or they would be told again and again.
std::uint64_t DeadLetters::settle() {
    if (settled_.empty()) return 0;
    set_wanted({});
    seen_version_ = -1;
    std::uint64_t removed = 0;
    Transaction transaction(db_.get());
    sqlite::Statement by_user(db_.get(), "DELETE FROM dead WHERE user=? AND wanted=1");
    sqlite::Statement by_id(db_.get(), "DELETE FROM dead WHERE id=?");
    for (const auto& settled : settled_) {
        auto& statement = settled.user.empty() ? by_id : by_user;
        statement.bind(1, std::string_view(settled.user.empty() ? settled.id : settled.user));
        statement.run();
        removed += static_cast<std::uint64_t>(sqlite3_changes(db_.get()));
    }
    transaction.commit();
    settled_.clear();
    read_wanted();
    return removed;
}

std::uint64_t DeadLetters::count() const {
    if (!db_) return 0;
    return guarded("read", [&] {
        return static_cast<std::uint64_t>(sqlite::ask(db_.get(), "SELECT count(*) FROM dead"));
    });
}

void DeadLetters::look() {
    let_go_if_deleted();
    if (!db_ && !there(file_.parent_path())) return;
    guarded("read", [&] {
        if (!db_) connect();
        settle();
        if (sqlite::ask(db_.get(), "PRAGMA data_version") != seen_version_) read_wanted();
    });
}

void DeadLetters::read_wanted() {
    const auto version = sqlite::ask(db_.get(), "PRAGMA data_version");
    Wanted wanted;
    const auto limit = std::to_string(kWantedMax);
    sqlite::Statement users(
        db_.get(),
        ("SELECT DISTINCT user FROM dead WHERE wanted=1 AND user<>x'' LIMIT " + limit).c_str());
    while (users.step())
        wanted.users.emplace_back(users.blob(0));
    sqlite::Statement notices(
        db_.get(),
        ("SELECT id FROM dead WHERE wanted=1 AND user=x'' ORDER BY number LIMIT " + limit).c_str());
    while (notices.step())
        if (auto notice = notice_of(notices.blob(0))) wanted.notices.push_back(std::move(*notice));
    set_wanted(std::move(wanted));
    kept_ = count();
    seen_version_ = version;
}

void DeadLetters::each(const std::optional<std::string>& user,
                       const std::function<void(const Letter&)>& fn) const {
    if (!db_) return;
    guarded("read", [&] {
        sqlite::Statement rows(
            db_.get(), (std::string("SELECT user,event,failure,attempts,died_ms,wanted FROM dead") +
                        (user ? " WHERE user=?" : "") + " ORDER BY number")
                           .c_str());
        if (user) rows.bind(1, std::string_view(*user));
        while (rows.step())
            fn({rows.blob(0), rows.blob(1), rows.blob(2), rows.number(3), rows.integer(4),
                rows.integer(5) != 0});
    });
}

std::uint64_t DeadLetters::change(const std::string& what, const std::optional<std::string>& user) {
    if (!db_) return 0;
    return guarded("write", [&] {
        sqlite::Statement statement(db_.get(), (what + (user ? " WHERE user=?" : "")).c_str());
        if (user) statement.bind(1, std::string_view(*user));
        statement.run();
        return static_cast<std::uint64_t>(sqlite3_changes(db_.get()));
    });
}

std::uint64_t DeadLetters::want(const std::optional<std::string>& user) {
    return change("UPDATE dead SET wanted=1", user);
}

std::uint64_t DeadLetters::drop(const std::optional<std::string>& user) {
    return change("DELETE FROM dead", user);
}

}  // namespace presence::notifier
