#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/io/fd.hpp"
#include "common/store/checksum.hpp"
#include "common/store/sqlite.hpp"
#include "common/store/store.hpp"

namespace presence::io {

inline constexpr std::string_view kStoreFile = "journal.sqlite";
inline constexpr std::string_view kMarkFile = "written";

// What is found to be damaged while a store is opened; the text says what.
struct StoreDamage : std::runtime_error {
    using std::runtime_error::runtime_error;
};
// A row as the statements `row` and `rows` yield it is as it was written.
[[nodiscard]] bool is_sound_row(const sqlite::Statement& row);
[[nodiscard]] bool is_sound_state(const sqlite::Statement& state);

// Which file a path names, not what is in it. Nothing: it cannot be told.
struct FileId {
    std::uint64_t device = 0, inode = 0;  // 0, 0: there is none
    friend bool operator==(const FileId&, const FileId&) = default;
};
[[nodiscard]] std::optional<FileId> file_at(const std::filesystem::path& path);

// In place of the machine's boot: a write found the database malformed where opening does not look.
inline constexpr std::uint64_t kUnsound = 0;

class Store::Impl {
public:
    explicit Impl(Options options);
    ~Impl();

    void write(const Write& write, std::int64_t clock_ms);
    void each_row(std::uint64_t after,
                  const std::function<bool(std::uint64_t, std::uint64_t, std::string_view)>& fn);
    void each_state(const std::function<void(std::uint32_t, std::uint64_t, std::string_view)>& fn);
    std::string facts();
    std::optional<std::uint64_t> boot_of(std::uint64_t number);

    // What is known of the rows without reading them.
    struct Tally {
        std::uint64_t first = 0, last = 0;
        std::uint64_t total = 0;         // bytes of all bodies ever written
        std::uint64_t total_before = 0;  // of those before the first row
        // Of the first row.
        std::uint64_t first_total = 0;
        std::int64_t first_ms = 0;
        std::int64_t last_ms = 0;  // of the last row
    };
    Opened opened;
    Tally tally;

private:
    // The one row of the table about.
    struct About {
        std::string owner;
        std::uint64_t cut_at = 0;  // rows after this one were lost; 0: never
        std::uint64_t parts = 0;   // how many states and facts there are: none may be missing
    };
    struct Statements {
        explicit Statements(sqlite3* db);
        sqlite::Statement begin, commit;
        sqlite::Statement add_row, drop_row, head, row, rows;
        sqlite::Statement put_state, move_state, put_body, states;
        sqlite::Statement put_facts, facts;
        sqlite::Statement put_about;
    };
    struct KnownState {
        std::uint64_t number = 0;
        std::uint64_t body_sum = 0;
    };

    // open.cpp
    void take_directory();
    void connect();
    void connect_once();
    void create();
    void read_about();
    void put_about();
    void move_aside(const std::string& why);
    void tell(const std::string& what);

    // verify.cpp
    void verify();
    void verify_states();
    void verify_facts();
    void verify_rows();
    void read_tally();
    void cut_after(std::uint64_t number, const std::string& why);
    void require_sound_structure(const std::string& why);
    // What the file beside the database says; see mark().
    struct Mark {
        std::uint64_t number = 0;
        std::uint64_t machine_boot = 0;  // or kUnsound
        std::uint64_t sum = 0;
    };
    [[nodiscard]] std::optional<Mark> marked() const;

    // store.cpp
    void mark(std::uint64_t number, std::uint64_t machine_boot);
    void require_in_place() const;
    void check_numbers(const Write& write) const;
    void add_rows(const Write& write, std::int64_t now_ms, Tally& after);
    [[nodiscard]] std::int64_t journal_ms(std::int64_t clock_ms);
    void put_states(const Write& write, std::map<std::uint32_t, KnownState>& changed);
    void trim(const Write& write, std::int64_t now_ms, std::uint64_t needed, Tally& after);
    void require_found(const Write& write);
    void read_head(Tally& after);
    void checkpoint();
    void update_needed();
    void move_state(std::uint32_t key, std::uint64_t number, std::uint64_t body_sum);

    Options options_;
    std::filesystem::path file_;
    Fd lock_, mark_;
    std::optional<FileId> opened_file_;
    const std::uint64_t machine_boot_;
    sqlite::Database db_;
    std::optional<Statements> statements_;
    About about_;
    std::map<std::uint32_t, KnownState> states_;
    std::uint64_t needed_ = 0;                 // rows up to this one are in every state
    bool facts_ = false;                       // written ever
    std::optional<std::int64_t> clock_shift_;  // from the caller's clock to that of the rows
    bool found_ = false;                       // what was written since the store was opened
    int wal_pages_ = 0;
    int page_bytes_ = 0;
};

}  // namespace presence::io
