#include "common/store/store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/check.hpp"
#include "common/io/fault_point.hpp"
#include "common/store/store_impl.hpp"

namespace presence::io {
namespace {

// The WAL is copied into the database when it has grown to this; nobody else reads, so it then
// begins anew and grows no further than this and one transaction.
constexpr std::int64_t kWalBytes = std::int64_t{8} << 20;
// With copying failing, nothing more is written beyond this.
constexpr std::int64_t kWalBytesMax = std::int64_t{256} << 20;

}  // namespace

Store::Impl::Statements::Statements(sqlite3* db)
    : begin(db, "BEGIN IMMEDIATE"),
      commit(db, "COMMIT"),
      add_row(db, "INSERT INTO journal VALUES(?,?,?,?,?,?)"),
      drop_row(db, "DELETE FROM journal WHERE number=?"),
      head(db, "SELECT number,written_ms,total,length(body) FROM journal ORDER BY number LIMIT 1"),
      row(db, "SELECT number,boot,written_ms,total,sum,body FROM journal WHERE number=?"),
      rows(db,
           "SELECT number,boot,written_ms,total,sum,body FROM journal WHERE number>? "
           "ORDER BY number"),
      put_state(db, "INSERT OR REPLACE INTO state VALUES(?,?,?,?)"),
      move_state(db, "UPDATE state SET number=?,sum=? WHERE key=?"),
      put_body(db, "INSERT OR REPLACE INTO state_body VALUES(?,?)"),
      states(db,
             "SELECT s.key,s.number,s.body_sum,s.sum,b.body FROM state s "
             "LEFT JOIN state_body b ON b.key=s.key ORDER BY s.key"),
      put_facts(db, "INSERT OR REPLACE INTO facts VALUES(1,?,?)"),
      facts(db, "SELECT sum,body FROM facts WHERE id=1"),
      put_about(db, "INSERT OR REPLACE INTO about VALUES(1,?,?,?,?,?)") {}

bool is_sound_row(const sqlite::Statement& row) {
    return row.number(4) ==
           sum_of_row(row.number(0), row.number(1), row.integer(2), row.number(3), row.blob(5));
}

bool is_sound_state(const sqlite::Statement& state) {
    const auto key = static_cast<std::uint32_t>(state.integer(0));
    return state.number(0) == key &&
           state.number(3) == sum_of_state(key, state.number(1), state.number(2)) &&
           state.number(2) == sum_of_body(key, state.blob(4));
}

// ---- Writing

std::optional<FileId> file_at(const std::filesystem::path& path) {
    struct ::stat status {};
    if (::stat(path.c_str(), &status) == 0) return FileId{status.st_dev, status.st_ino};
    if (errno == ENOENT) return FileId{};
    return {};
}

// The system goes on to take what is written to a file without a name, and forgets it with the
// process: what was told by then would not be there for the next one.
void Store::Impl::require_in_place() const {
    const auto there = file_at(file_);
    if (there && opened_file_ && there != opened_file_)
        throw StoreMalformed("cannot write " + file_.string() +
                             ": it was deleted, moved or replaced while it was in use");
}

void Store::Impl::check_numbers(const Write& write) const {
    auto last = tally.last;
    for (const auto& row : write.rows) {
        PRESENCE_CHECK(last == 0 ? row.number > 0 : row.number == last + 1,
                       "rows are numbered without gaps");
        last = row.number;
    }
    for (const auto& state : write.states) {
        PRESENCE_CHECK(state.number <= last, "a state is of rows that are written");
        PRESENCE_CHECK(state.number + 1 >= tally.first, "rows this state needs are gone");
    }
}

void Store::Impl::add_rows(const Write& write, std::int64_t now_ms, Tally& after) {
    auto& add = statements_->add_row;
    for (const auto& row : write.rows) {
        after.total += row.body.size();
        add.bind(1, row.number);
        add.bind(2, row.boot);
        add.bind(3, now_ms);
        add.bind(4, after.total);
        add.bind(5, sum_of_row(row.number, row.boot, now_ms, after.total, row.body));
        add.bind(6, std::string_view(row.body));
        add.run();
        if (after.first == 0) {
            after.first = row.number;
            after.first_ms = now_ms;
            after.first_total = after.total;
        }
        after.last = row.number;
        after.last_ms = now_ms;
    }
}

void Store::Impl::move_state(std::uint32_t key, std::uint64_t number, std::uint64_t body_sum) {
    auto& move = statements_->move_state;
    move.bind(1, number);
    move.bind(2, sum_of_state(key, number, body_sum));
    move.bind(3, std::uint64_t{key});
    move.run();
}

void Store::Impl::put_states(const Write& write, std::map<std::uint32_t, KnownState>& changed) {
    for (const auto& state : write.states) {
        const auto known = states_.find(state.key);
        const auto [at, first_time] = changed.try_emplace(state.key);
        auto& now = at->second;
        if (first_time && known != states_.end()) now = known->second;
        PRESENCE_CHECK(state.body || !first_time || known != states_.end(), "no such state yet");
        PRESENCE_CHECK(state.number >= now.number, "a state does not go back");
        now.number = state.number;
        if (state.body) {
            now.body_sum = sum_of_body(state.key, *state.body);
            statements_->put_body.bind(1, std::uint64_t{state.key});
            statements_->put_body.bind(2, std::string_view(*state.body));
            statements_->put_body.run();
            statements_->put_state.bind(1, std::uint64_t{state.key});
            statements_->put_state.bind(2, now.number);
            statements_->put_state.bind(3, now.body_sum);
            statements_->put_state.bind(4, sum_of_state(state.key, now.number, now.body_sum));
            statements_->put_state.run();
        } else {
            move_state(state.key, now.number, now.body_sum);
        }
        fault_point("store.between_states");
    }
}

void Store::Impl::update_needed() {
    needed_ = states_.empty() ? 0 : UINT64_MAX;
    for (const auto& [key, state] : states_)
        needed_ = std::min(needed_, state.number);
}

void Store::Impl::read_head(Tally& after) {
    sqlite::Rows head(statements_->head);
    if (!head.next()) {
        after.first = 0;
        after.total_before = after.total;
        return;
    }
    after.first = statements_->head.number(0);
    after.first_ms = statements_->head.integer(1);
    after.first_total = statements_->head.number(2);
}

void Store::Impl::trim(const Write& write, std::int64_t now_ms, std::uint64_t needed,
                       Tally& after) {
    const auto oldest_ms =
        now_ms - std::chrono::floor<std::chrono::milliseconds>(options_.retain_age).count();
    // Twice as much as is added, so that a lowered limit is reached in the end.
    auto rows = 2 * write.rows.size() + 8;
    std::uint64_t bytes = std::uint64_t{256} << 10;
    for (const auto& row : write.rows)
        bytes += 2 * row.body.size();
    while (rows > 0 && after.first != 0 && after.first < after.last && after.first <= needed) {
        const auto held = after.total - after.total_before;
        if (held <= options_.retain_bytes && after.first_ms >= oldest_ms) break;
        const auto size = after.first_total - after.total_before;
        if (size > bytes) break;
        statements_->drop_row.bind(1, after.first);
        statements_->drop_row.run();
        after.total_before = after.first_total;
        bytes -= size;
        --rows;
        read_head(after);
    }
}

// Rows are dated by a clock that goes on, at each opening, from the last row: no clock on the wall,
// whatever it was set to, makes a row older than it is. Where one did, in a journal written by it,
// none is taken to be too old already.
std::int64_t Store::Impl::journal_ms(std::int64_t clock_ms) {
    if (!clock_shift_) {
        const auto age = std::chrono::floor<std::chrono::milliseconds>(options_.retain_age).count();
        const auto now_ms = std::min(tally.last_ms, tally.first_ms + age);
        clock_shift_ = tally.first == 0 ? 0 : now_ms - clock_ms;
    }
    return clock_ms + *clock_shift_;
}

void Store::Impl::write(const Write& write, std::int64_t clock_ms) {
    check_numbers(write);
    require_in_place();
    const auto now_ms = journal_ms(clock_ms);
    Tally after = tally;
    std::map<std::uint32_t, KnownState> changed;
    const auto about = about_;
    try {
        if (std::int64_t{wal_pages_} * page_bytes_ > kWalBytesMax) checkpoint();
        statements_->begin.run();
        add_rows(write, now_ms, after);
        put_states(write, changed);
        for (const auto& [key, state] : changed)
            if (!states_.contains(key)) ++about_.parts;
        if (write.facts && !facts_) ++about_.parts;
        if (about_.parts != about.parts) put_about();
        if (write.facts) {
            statements_->put_facts.bind(1, sum_of_facts(*write.facts));
            statements_->put_facts.bind(2, std::string_view(*write.facts));
            statements_->put_facts.run();
        }
        // A state with a new key may be of earlier rows than those known until now.
        auto needed = needed_;
        for (const auto& [key, state] : changed)
            needed = std::min(needed, state.number);
        trim(write, now_ms, needed, after);
        require_found(write);
        fault_point("store.before_commit");
        statements_->commit.run();
    } catch (const sqlite::Error& error) {
        auto text = sqlite::trouble("write", file_, error);
        if (error.malformed()) {
            mark(tally.last, kUnsound);
            text += "; at the next start it will be moved aside";
        }
        about_ = about;
        if (!sqlite3_get_autocommit(db_.get()))
            sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
        if (error.malformed()) throw StoreMalformed(text);
        throw StoreError(text);
    }
    for (const auto& [key, state] : changed)
        states_[key] = state;
    if (!changed.empty()) update_needed();
    facts_ = facts_ || write.facts;
    if (after.last != tally.last) mark(after.last, machine_boot_);
    tally = after;
    if (std::int64_t{wal_pages_} * page_bytes_ < kWalBytes) return;
    try {
        checkpoint();
    } catch (const sqlite::Error&) {
        // What was written is in the WAL. The next write tries again, and one fails when that
        // has grown too large.
    }
}

// Opening does not read old rows, nor the pages above them. One that is damaged may take a row to
// where nobody looks for it.
void Store::Impl::require_found(const Write& write) {
    if (found_ || write.rows.empty()) return;
    const auto& row = write.rows.back();
    if (boot_of(row.number) != row.boot)
        throw sqlite::Error(SQLITE_CORRUPT, "a row is not found where it was written");
    found_ = true;
}

void Store::Impl::checkpoint() {
    fault_point("store.checkpoint");
    int in_wal = 0, copied = 0;
    const int code =
        sqlite3_wal_checkpoint_v2(db_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_wal, &copied);
    if (code != SQLITE_OK) sqlite::fail(db_.get(), code);
    if (copied == in_wal) wal_pages_ = 0;
}

// The last number, outside of the database: tells when that has lost its end in whatever way. And
// the machine's boot: under another one its pages may never have reached the disk.
void Store::Impl::mark(std::uint64_t number, std::uint64_t machine_boot) {
    const Mark now{number, machine_boot, sum_of_mark(number, machine_boot)};
    (void)!::pwrite(mark_.get(), &now, sizeof(now), 0);
}

// ---- Reading

void Store::Impl::each_row(
    std::uint64_t after,
    const std::function<bool(std::uint64_t, std::uint64_t, std::string_view)>& fn) {
    if (tally.first == 0) return;
    auto expected = std::max(after + 1, tally.first);
    auto& row = statements_->rows;
    std::string why;
    try {
        row.bind(1, expected - 1);
        sqlite::Rows rows(row);
        for (; rows.next(); ++expected) {
            if (row.number(0) != expected || !is_sound_row(row)) break;
            if (!fn(expected, row.number(1), row.blob(5))) return;
        }
    } catch (const sqlite::Error& error) {
        if (!error.damage()) throw StoreError(sqlite::trouble("read", file_, error));
        why = std::string(" (") + error.what() + ")";
    }
    if (expected <= tally.last)
        throw StoreError("row " + std::to_string(expected) + " of " + file_.string() +
                         " is damaged" + why);
}

void Store::Impl::each_state(
    const std::function<void(std::uint32_t, std::uint64_t, std::string_view)>& fn) {
    auto& state = statements_->states;
    std::size_t seen = 0;
    try {
        sqlite::Rows rows(state);
        for (; rows.next(); ++seen) {
            if (!is_sound_state(state))
                throw StoreError("state " + std::to_string(state.integer(0)) + " of " +
                                 file_.string() + " is damaged");
            fn(static_cast<std::uint32_t>(state.integer(0)), state.number(1), state.blob(4));
        }
    } catch (const sqlite::Error& error) {
        throw StoreError(sqlite::trouble("read", file_, error));
    }
    if (seen != states_.size()) throw StoreError("states are missing in " + file_.string());
}

std::string Store::Impl::facts() {
    try {
        sqlite::Rows rows(statements_->facts);
        if (!rows.next()) return {};
        const auto body = statements_->facts.blob(1);
        if (statements_->facts.number(0) != sum_of_facts(body))
            throw StoreError("the facts in " + file_.string() + " are damaged");
        return std::string(body);
    } catch (const sqlite::Error& error) {
        throw StoreError(sqlite::trouble("read", file_, error));
    }
}

std::optional<std::uint64_t> Store::Impl::boot_of(std::uint64_t number) {
    auto& row = statements_->row;
    try {
        row.bind(1, number);
        sqlite::Rows rows(row);
        if (!rows.next() || !is_sound_row(row)) return std::nullopt;
        return row.number(1);
    } catch (const sqlite::Error& error) {
        if (error.damage()) return std::nullopt;
        throw StoreError(sqlite::trouble("read", file_, error));
    }
}

// ---- The face of it

Store::Store(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Store::~Store() = default;

const Store::Opened& Store::opened() const {
    return impl_->opened;
}
void Store::write(const Write& write, std::int64_t clock_ms) {
    impl_->write(write, clock_ms);
}
void Store::each_row(
    std::uint64_t after,
    const std::function<bool(std::uint64_t, std::uint64_t, std::string_view)>& fn) const {
    impl_->each_row(after, fn);
}
void Store::each_state(
    const std::function<void(std::uint32_t, std::uint64_t, std::string_view)>& fn) const {
    impl_->each_state(fn);
}
std::string Store::facts() const {
    return impl_->facts();
}
std::optional<std::uint64_t> Store::boot_of(std::uint64_t number) const {
    return impl_->boot_of(number);
}
std::uint64_t Store::first() const {
    return impl_->tally.first;
}
std::uint64_t Store::last() const {
    return impl_->tally.last;
}
std::uint64_t Store::bytes() const {
    return impl_->tally.total - impl_->tally.total_before;
}

}  // namespace presence::io
