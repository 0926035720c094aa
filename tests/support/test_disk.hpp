#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

struct sqlite3_file;
struct sqlite3_vfs;

namespace presence::test {

// A disk for SQLite that can be full, break, and lose what was not synced. Its files are real
// files, and a process that ends leaves them as the calls until then made them.
class TestDisk {
public:
    TestDisk();
    ~TestDisk();
    TestDisk(const TestDisk&) = delete;

    [[nodiscard]] const std::string& name() const { return name_; }  // of the VFS

    // From now on no file can grow, until false.
    void set_full(bool full) { full_ = full; }
    // From now on writes and syncs fail with `code` of SQLite; 0 for no longer.
    void set_failure(int code) { failure_ = code; }
    // After so many calls that change something, the last of them a part of it only, nothing
    // changes any more, as if the process had been killed. 0: at once.
    void kill_after(std::uint64_t calls);
    [[nodiscard]] bool killed() const { return killed_; }
    // A new process: the files as they are.
    void restart();
    // A new process after a loss of power: what was not synced is lost, or with `some` any part
    // of it is, as a disk writes in the order it likes.
    void restart_without_power(bool some, std::mt19937_64& random);

    [[nodiscard]] std::uint64_t changes() const { return changes_; }
    [[nodiscard]] std::uint64_t refused() const { return refused_; }

private:
    friend struct Calls;
    struct Change {
        std::int64_t at = 0;
        std::string bytes;
        bool cut = false;  // to length `at`
    };
    struct Disk {
        std::string synced;
        std::vector<Change> since;
    };
    // What becomes of a change of `bytes` bytes: how many are made, or an error code.
    [[nodiscard]] int allow(std::int64_t& bytes, bool grows);

    std::string name_;
    sqlite3_vfs* vfs_ = nullptr;
    std::map<std::string, Disk> disks_;
    // Set by the test while the store's thread is at work.
    std::atomic<bool> full_{false}, killed_{false}, counting_{false};
    std::atomic<int> failure_{0};
    std::atomic<std::uint64_t> left_{0}, changes_{0}, refused_{0};
};

}  // namespace presence::test
