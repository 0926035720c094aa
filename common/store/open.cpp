#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "common/io/clock.hpp"
#include "common/io/fault_point.hpp"
#include "common/io/log.hpp"
#include "common/io/private_files.hpp"
#include "common/store/machine.hpp"
#include "common/store/store_impl.hpp"

namespace presence::io {
namespace {

constexpr std::uint32_t kApplicationId = 0x70726573;  // "pres"
constexpr std::uint64_t kFormat = 1;
constexpr std::string_view kDamaged = ".damaged-";
constexpr std::string_view kSetAside = ".aside-";

constexpr const char* kSchema =
    "CREATE TABLE about(id INTEGER PRIMARY KEY, format INTEGER, cut_at INTEGER, parts INTEGER,"
    " sum INTEGER, owner BLOB);"
    "CREATE TABLE journal(number INTEGER PRIMARY KEY, boot INTEGER, written_ms INTEGER,"
    " total INTEGER, sum INTEGER, body BLOB);"
    "CREATE TABLE state(key INTEGER PRIMARY KEY, number INTEGER, body_sum INTEGER, sum INTEGER);"
    "CREATE TABLE state_body(key INTEGER PRIMARY KEY, body BLOB);"
    "CREATE TABLE facts(id INTEGER PRIMARY KEY, sum INTEGER, body BLOB);";

[[noreturn]] void refuse(const char* doing, const std::filesystem::path& path, int error) {
    throw StoreError(std::string("cannot ") + doing + " " + path.string() + ": " +
                     std::strerror(error));
}

Fd open_file(const std::filesystem::path& path) {
    Fd fd = open_private(path, O_RDWR);
    if (!fd) refuse("write", path, errno);
    return fd;
}

// A new file is there after a loss of power only once its directory has been synced.
void sync_directory(const std::filesystem::path& path) {
    const Fd fd(::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) refuse("sync", path, errno);
}

// The run before may be about to end.
Fd lock(const std::filesystem::path& directory, Duration patience) {
    constexpr std::chrono::milliseconds kAgain{10};
    Fd held = open_file(directory / "lock");
    for (const auto began = now(); ::flock(held.get(), LOCK_EX | LOCK_NB) != 0;) {
        if (errno != EWOULDBLOCK && errno != EINTR) refuse("lock", directory / "lock", errno);
        if (now() - began >= patience)
            throw StoreError(directory.string() + " is in use by another process");
        std::this_thread::sleep_for(kAgain);
    }
    return held;
}

// Returns the new name. Only the latest one is kept, or a failing disk would fill itself with them.
std::string move_store(const std::filesystem::path& file, std::string_view how) {
    const auto before = file.filename().string() + std::string(how);
    const auto aside = before + std::to_string(millis(wall_now()));
    std::error_code error;
    std::vector<std::filesystem::path> earlier;
    for (const auto& entry : std::filesystem::directory_iterator(file.parent_path(), error))
        if (entry.path().filename().string().starts_with(before)) earlier.push_back(entry.path());
    for (const auto& path : earlier)
        std::filesystem::remove(path, error);
    const auto wal = file.string() + "-wal";
    const auto to = file.parent_path() / aside;
    if (::rename(file.c_str(), to.c_str()) != 0 && errno != ENOENT) refuse("move", file, errno);
    if (::rename(wal.c_str(), (to.string() + "-wal").c_str()) != 0 && errno != ENOENT)
        refuse("move", wal, errno);
    return aside;
}

}  // namespace

std::optional<std::string> Store::set_aside(const std::filesystem::path& directory) {
    std::error_code error;
    if (!std::filesystem::exists(directory / kStoreFile, error)) return {};
    const Fd held = lock(directory, kPatience);
    auto aside = move_store(directory / kStoreFile, kSetAside);
    std::filesystem::remove(directory / kMarkFile, error);  // else the next one would miss its end
    return aside;
}

std::vector<std::filesystem::path> Store::stores_in(const std::filesystem::path& directory) {
    std::vector<std::filesystem::path> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory, error))
        if (std::filesystem::exists(entry.path() / kStoreFile, error))
            found.push_back(entry.path());
    return found;
}

Store::Impl::Impl(Options options)
    : options_(std::move(options)),
      file_(options_.directory / kStoreFile),
      machine_boot_(machine_boot()) {
    take_directory();
    try {
        try {
            connect();
            fault_point("store.open");
            verify();
        } catch (const StoreDamage& damage) {
            move_aside(damage.what());
        } catch (const sqlite::Error& error) {
            if (!error.damage()) throw;
            move_aside(error.what());
        }
    } catch (const sqlite::Error& error) {
        throw StoreError(sqlite::trouble("open", file_, error));
    }
    opened_file_ = file_at(file_);
    mark(tally.last, machine_boot_);
}

Store::Impl::~Impl() = default;

void Store::Impl::tell(const std::string& what) {
    opened.cut = opened.cut ? *opened.cut + "; " + what : what;
}

void Store::Impl::take_directory() {
    const auto& directory = options_.directory;
    if (const int failed = make_private_directories(directory)) refuse("make", directory, failed);
    warn_if_open_to_others(directory);
    lock_ = lock(directory, options_.patience);
    mark_ = open_file(directory / kMarkFile);
    // SQLite would open it for reading alone, and say so at the first write.
    if (std::error_code error;
        std::filesystem::exists(file_, error) && ::access(file_.c_str(), R_OK | W_OK) != 0)
        refuse("write", file_, errno);
}

void Store::Impl::connect() {
    sqlite::while_busy(options_.patience, [this] {
        statements_.reset();
        connect_once();
    });
}

void Store::Impl::connect_once() {
    db_ = sqlite::open(file_.string(), options_.vfs);
    auto* db = db_.get();
    // Exclusive: no shared memory beside the file, and no lock taken for each transaction.
    sqlite::execute(
        db,
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA page_size=16384; PRAGMA temp_store=MEMORY;"
        "PRAGMA cache_size=-2048; PRAGMA journal_size_limit=16777216");
    // Without power no sync at all: those of a checkpoint held writes up for 0.1 to 0.7 s.
    const bool power = options_.durability == Durability::power;
    sqlite::execute(db, power ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF");
    const bool fresh = sqlite::ask(db, "SELECT count(*) FROM sqlite_schema") == 0 &&
                       sqlite::ask(db, "PRAGMA application_id") == 0;
    sqlite::execute(db, "PRAGMA journal_mode=WAL");
    // Takes the place of SQLite's own checkpoints, which tell nobody when they fail.
    sqlite3_wal_hook(
        db,
        [](void* self, sqlite3*, const char*, int pages) {
            static_cast<Impl*>(self)->wal_pages_ = pages;
            return SQLITE_OK;
        },
        this);
    page_bytes_ = static_cast<int>(sqlite::ask(db, "PRAGMA page_size"));
    // The file may be written: its header must be wrong.
    if (sqlite3_db_readonly(db, "main") != 0) throw StoreDamage("it says it may not be written");
    if (fresh) create();
    read_about();
    statements_.emplace(db);
}

void Store::Impl::create() {
    auto* db = db_.get();
    sqlite::execute(db, "BEGIN IMMEDIATE");
    sqlite::execute(db, kSchema);
    sqlite::set_header(db, kApplicationId, kFormat);
    about_ = {options_.owner, 0, 0};
    put_about();
    sqlite::execute(db, "COMMIT");
    if (options_.durability == Durability::power) {
        sync_directory(options_.directory);
        sync_directory(std::filesystem::absolute(options_.directory).parent_path());
    }
}

void Store::Impl::put_about() {
    sqlite::Statement put(db_.get(), "INSERT OR REPLACE INTO about VALUES(1,?,?,?,?,?)");
    put.bind(1, kFormat);
    put.bind(2, about_.cut_at);
    put.bind(3, about_.parts);
    put.bind(4, sum_of_about(kFormat, about_.cut_at, about_.parts, about_.owner));
    put.bind(5, std::string_view(about_.owner));
    put.run();
}

// Every format has the table about with these columns: it says better than the file's header,
// which carries no checksum, what this is.
void Store::Impl::read_about() {
    const auto version = static_cast<std::uint64_t>(sqlite::ask(db_.get(), "PRAGMA user_version"));
    const auto newer = [&](std::uint64_t found) {
        return StoreError(sqlite::newer(file_, found, kFormat));
    };
    std::uint64_t format = 0;
    try {
        sqlite::Statement about(db_.get(),
                                "SELECT format,cut_at,parts,sum,owner FROM about WHERE id=1");
        if (!about.step()) throw StoreDamage("it does not say what it is");
        format = about.number(0);
        about_ = {std::string(about.blob(4)), about.number(1), about.number(2)};
        if (about.number(3) != sum_of_about(format, about_.cut_at, about_.parts, about_.owner))
            throw StoreDamage("what it says of itself is damaged");
    } catch (const sqlite::Error& error) {
        if (error.damage() && version > kFormat) throw newer(version);
        throw;
    }
    if (format > kFormat) throw newer(format);
    // A later version migrates here, one format after the other. There was none before 1.
    if (format < kFormat)
        throw StoreError(file_.string() + " has format " + std::to_string(format) +
                         ", which this program cannot migrate");
    if (about_.owner != options_.owner)
        throw StoreError(options_.directory.string() + " belongs to " + about_.owner + ", not to " +
                         options_.owner);
    if (version == format && sqlite::ask(db_.get(), "PRAGMA application_id") == kApplicationId)
        return;
    sqlite::set_header(db_.get(), kApplicationId, kFormat);
    tell("the header of " + file_.string() + " was damaged, and is mended");
}

void Store::Impl::move_aside(const std::string& why) {
    statements_.reset();
    db_.reset();
    opened.cut.reset();
    states_.clear();
    tally = {};
    needed_ = 0;
    facts_ = false;
    const auto aside = move_store(file_, kDamaged);
    tell(sqlite::moved(file_, why, aside));
    connect();
}

}  // namespace presence::io
