#include "tracker/answers/snapshots.hpp"

#include <charconv>
#include <iterator>

#include "common/limits.hpp"

namespace presence::tracker {

namespace {

std::size_t bytes_of(const SnapshotAnswer::User& user) {
    return user.user.size() + (user.status ? user.status->size() : 0) + 64;
}

std::string cursor_of(std::uint64_t number, std::size_t page) {
    return std::to_string(number) + "." + std::to_string(page);
}

}  // namespace

SnapshotAnswer Snapshots::take(SnapshotAnswer whole, Instant now) {
    auto users = std::move(whole.users);
    whole.users.clear();
    const SnapshotAnswer head = whole;
    std::vector<SnapshotAnswer> pages{head};
    std::size_t all = 0;
    std::size_t bytes = 0;
    for (auto& user : users) {
        const auto size = bytes_of(user);
        if (bytes + size > kAnswerPageBytes) {
            pages.push_back(head);
            bytes = 0;
        }
        bytes += size;
        all += size;
        pages.back().users.push_back(std::move(user));
    }
    const auto number = next_number_++;
    for (std::size_t i = 0; i + 1 < pages.size(); ++i)
        pages[i].cursor = cursor_of(number, i + 1);
    SnapshotAnswer first = std::move(pages.front());
    if (pages.size() > 1) {
        while (!kept_.empty() && bytes_ + all > kBytesMax)
            drop_oldest();
        kept_.push_back({number, now, all, std::move(pages)});
        bytes_ += all;
    }
    return first;
}

std::optional<SnapshotAnswer> Snapshots::page(Slot slot, std::string_view cursor) {
    std::uint64_t number = 0;
    std::size_t page = 0;
    const char* const end = cursor.data() + cursor.size();
    const auto dot = std::from_chars(cursor.data(), end, number);
    if (dot.ec != std::errc{} || dot.ptr == end || *dot.ptr != '.') return std::nullopt;
    const auto last = std::from_chars(dot.ptr + 1, end, page);
    if (last.ec != std::errc{} || last.ptr != end || page == 0) return std::nullopt;
    for (const auto& kept : kept_)
        if (kept.number == number && page < kept.pages.size() && kept.pages[page].slot == slot)
            return kept.pages[page];
    return std::nullopt;
}

void Snapshots::on_time(Instant now) {
    while (!kept_.empty() && now - kept_.front().at >= kKept)
        drop_oldest();
}

void Snapshots::drop_oldest() {
    bytes_ -= kept_.front().bytes;
    kept_.pop_front();
}

}  // namespace presence::tracker
