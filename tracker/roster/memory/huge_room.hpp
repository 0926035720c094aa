#pragma once

#include <sys/mman.h>

#include <cstddef>

#include "common/check.hpp"

namespace presence::tracker {

// Address space that is reserved at once and becomes memory, all zeros, where it is touched. In
// huge pages where the system gives them to who asks: users are met at random, and to find a small
// page's address costs as much as to read what is there.
class HugeRoom {
public:
    explicit HugeRoom(std::size_t bytes) : reserved_(bytes + kPage) {
        room_ = static_cast<std::byte*>(mmap(nullptr, reserved_, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        PRESENCE_CHECK(room_ != MAP_FAILED, "no address space for users_max users");
        madvise(room_, reserved_, MADV_HUGEPAGE);  // refused, all is slower only
    }
    ~HugeRoom() { munmap(room_, reserved_); }
    HugeRoom(const HugeRoom&) = delete;
    HugeRoom& operator=(const HugeRoom&) = delete;

    // At the start of a huge page.
    [[nodiscard]] void* begin() const {
        return room_ + (kPage - reinterpret_cast<std::size_t>(room_) % kPage) % kPage;
    }

private:
    static constexpr std::size_t kPage = std::size_t{2} << 20;

    std::size_t reserved_;
    std::byte* room_;
};

}  // namespace presence::tracker
