#include "tracker/roster/user_records.hpp"

#include <cstdlib>
#include <cstring>

#include "common/check.hpp"
#include "common/limits.hpp"

namespace presence::tracker {

static_assert(kUserBytesMax <= 0xff);

void UserRecord::set_id(std::string_view id) {
    PRESENCE_CHECK(!id.empty() && id.size() <= kUserBytesMax, "an id out of bounds");
    char* bytes = id_;
    if (id.size() > kInlineBytes) {
        bytes = static_cast<char*>(std::malloc(id.size()));
        PRESENCE_CHECK(bytes, "out of memory");
        std::memcpy(id_, &bytes, sizeof(bytes));
    }
    std::memcpy(bytes, id.data(), id.size());
    id_bytes_ = static_cast<std::uint8_t>(id.size());
}

const char* UserRecord::id_data() const {
    if (id_bytes_ <= kInlineBytes) return id_;
    const char* bytes = nullptr;
    std::memcpy(&bytes, id_, sizeof(bytes));
    return bytes;
}

void UserRecord::clear() {
    if (id_bytes_ > kInlineBytes) std::free(const_cast<char*>(id_data()));
    id_bytes_ = 0;
    sessions.clear();
}

std::uint32_t UserRecords::add(std::string_view id) {
    auto user = free_;
    if (user != kNoneFree) {
        free_ = (*this)[user].read;
    } else {
        user = end();
        records_.add();
    }
    ++living_;
    (*this)[user].set_id(id);
    return user;
}

void UserRecords::remove(std::uint32_t user) {
    auto& record = (*this)[user];
    record.clear();
    record.read = free_;
    free_ = user;
    --living_;
}

std::size_t UserRecords::bytes() const {
    auto total = records_.size() * sizeof(UserRecord);
    for (std::uint32_t user = 0; user < end(); ++user)
        total += (*this)[user].bytes_outside();
    return total;
}

}  // namespace presence::tracker
