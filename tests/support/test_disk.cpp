#include "tests/support/test_disk.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace presence::test {
namespace {

std::string contents(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// SQLite hands out room for this, and behind it for the file of the system's VFS.
struct File {
    sqlite3_file base;
    TestDisk* disk;
    const std::string* path;  // null: a file nobody else sees
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* file(sqlite3_file* base) {
    return reinterpret_cast<File*>(base);
}
sqlite3_vfs* system_vfs() {
    return sqlite3_vfs_find("unix");
}

}  // namespace

struct Calls {
    static int close(sqlite3_file* f) { return file(f)->real()->pMethods->xClose(file(f)->real()); }
    static int read(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
        return file(f)->real()->pMethods->xRead(file(f)->real(), to, size, at);
    }
    static int write(sqlite3_file* f, const void* from, int size, sqlite3_int64 at) {
        auto* self = file(f);
        sqlite3_int64 length = 0;
        self->real()->pMethods->xFileSize(self->real(), &length);
        std::int64_t made = size;
        const int code = self->disk->allow(made, at + size > length);
        if (made > 0) {
            if (self->path)
                self->disk->disks_[*self->path].since.push_back(
                    {at,
                     std::string(static_cast<const char*>(from), static_cast<std::size_t>(made)),
                     false});
            const int wrote =
                self->real()->pMethods->xWrite(self->real(), from, static_cast<int>(made), at);
            if (wrote != SQLITE_OK) return wrote;
        }
        return code;
    }
    static int truncate(sqlite3_file* f, sqlite3_int64 size) {
        auto* self = file(f);
        std::int64_t made = 1;
        const int code = self->disk->allow(made, false);
        if (code != SQLITE_OK) return code;
        if (self->path) self->disk->disks_[*self->path].since.push_back({size, {}, true});
        return self->real()->pMethods->xTruncate(self->real(), size);
    }
    static int sync(sqlite3_file* f, int) {
        auto* self = file(f);
        std::int64_t made = 1;
        const int code = self->disk->allow(made, false);
        if (code != SQLITE_OK) return code;
        if (self->path) self->disk->disks_[*self->path] = {contents(*self->path), {}};
        return SQLITE_OK;
    }
    static int size(sqlite3_file* f, sqlite3_int64* to) {
        return file(f)->real()->pMethods->xFileSize(file(f)->real(), to);
    }
    // The one process that there is holds every lock.
    static int lock(sqlite3_file*, int) { return SQLITE_OK; }
    static int reserved(sqlite3_file*, int* to) {
        *to = 0;
        return SQLITE_OK;
    }
    static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
    static int sector(sqlite3_file*) { return 4096; }
    static int characteristics(sqlite3_file*) { return 0; }

    static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* f, int flags, int* out) {
        static const sqlite3_io_methods methods{
            1,       close,    read,    write,  truncate,        sync,    size,    lock,
            lock,    reserved, control, sector, characteristics, nullptr, nullptr, nullptr,
            nullptr, nullptr,  nullptr};
        auto* self = file(f);
        auto* disk = static_cast<TestDisk*>(vfs->pAppData);
        self->base.pMethods = nullptr;
        self->disk = disk;
        self->path = nullptr;
        if (disk->killed_) return SQLITE_CANTOPEN;
        if (name) {
            const auto [at, fresh] = disk->disks_.try_emplace(name);
            if (fresh) at->second.synced = contents(name);
            self->path = &at->first;
        }
        const int code = system_vfs()->xOpen(system_vfs(), name, self->real(), flags, out);
        if (code == SQLITE_OK) self->base.pMethods = &methods;
        return code;
    }
    static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
        auto* disk = static_cast<TestDisk*>(vfs->pAppData);
        std::int64_t made = 1;
        const int code = disk->allow(made, false);
        if (code != SQLITE_OK) return code;
        disk->disks_[name] = {};
        return system_vfs()->xDelete(system_vfs(), name, sync_directory);
    }
};

TestDisk::TestDisk() : name_("test-disk") {
    static int made = 0;
    name_ += std::to_string(++made);
    vfs_ = new sqlite3_vfs(*system_vfs());
    vfs_->zName = name_.c_str();
    vfs_->pAppData = this;
    vfs_->szOsFile = static_cast<int>(sizeof(File)) + system_vfs()->szOsFile;
    vfs_->xOpen = Calls::open;
    vfs_->xDelete = Calls::remove;
    // The others use the system's data.
    vfs_->pNext = nullptr;
    vfs_->xAccess = [](sqlite3_vfs*, const char* name, int flags, int* to) {
        return system_vfs()->xAccess(system_vfs(), name, flags, to);
    };
    vfs_->xFullPathname = [](sqlite3_vfs*, const char* name, int size, char* to) {
        return system_vfs()->xFullPathname(system_vfs(), name, size, to);
    };
    sqlite3_vfs_register(vfs_, 0);
}

TestDisk::~TestDisk() {
    sqlite3_vfs_unregister(vfs_);
    delete vfs_;
}

int TestDisk::allow(std::int64_t& bytes, bool grows) {
    const auto all = std::exchange(bytes, 0);
    if (killed_ || failure_ != 0 || (full_ && grows)) {
        ++refused_;
        return killed_ ? SQLITE_IOERR_WRITE : failure_ != 0 ? failure_.load() : SQLITE_FULL;
    }
    ++changes_;
    if (counting_ && left_-- <= 1) {
        killed_ = true;
        bytes = all / 2;
        return SQLITE_IOERR_WRITE;
    }
    bytes = all;
    return SQLITE_OK;
}

void TestDisk::kill_after(std::uint64_t calls) {
    counting_ = calls > 0;
    left_ = calls;
    killed_ = calls == 0;
}

void TestDisk::restart() {
    counting_ = killed_ = full_ = false;
    failure_ = 0;
}

void TestDisk::restart_without_power(bool some, std::mt19937_64& random) {
    for (auto& [path, disk] : disks_) {
        if (!std::filesystem::exists(path)) continue;
        auto image = disk.synced;
        for (const auto& change : disk.since) {
            if (!some || random() % 2 == 0) continue;
            const auto at = static_cast<std::size_t>(change.at);
            if (change.cut) {
                image.resize(std::min(image.size(), at));
                continue;
            }
            image.resize(std::max(image.size(), at + change.bytes.size()));
            image.replace(at, change.bytes.size(), change.bytes);
        }
        std::ofstream(path, std::ios::binary | std::ios::trunc) << image;
        disk = {image, {}};
    }
    restart();
}

}  // namespace presence::test
