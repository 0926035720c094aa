#include "tracker/roster/deadlines.hpp"

#include <algorithm>
#include <limits>

#include "common/check.hpp"

namespace presence::tracker {
namespace {

constexpr auto kNever = std::numeric_limits<std::int32_t>::max();

bool before(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) < 0;
}

// Lowers `bound` to `deadline`.
void include(std::uint32_t& bound, std::uint32_t deadline) {
    if (bound == Deadlines::kNone || before(deadline, bound)) bound = deadline;
}

// The earliest of `count` deadlines, as ms from `now`; kNever if there is none. Without branches:
// compilers make 4 to 8 comparisons at once of it.
template <std::size_t count>
std::int32_t earliest(const std::uint32_t* deadlines, std::uint32_t now) {
    auto least = kNever;
    for (std::size_t i = 0; i < count; ++i) {
        const auto ahead = deadlines[i] == Deadlines::kNone
                               ? kNever
                               : static_cast<std::int32_t>(deadlines[i] - now);
        least = std::min(least, ahead);
    }
    return least;
}

std::uint32_t bound_at(std::int32_t least, std::uint32_t now) {
    return least == kNever ? Deadlines::kNone : now + static_cast<std::uint32_t>(least);
}

}  // namespace

Deadlines::Block::Block() {
    deadlines.fill(kNone);
    bounds.fill(kNone);
}

void Deadlines::set_anew(std::uint32_t user, std::uint32_t deadline) {
    while (blocks_.size() <= user / kBlock) {
        blocks_.add();
        bounds_.push_back(kNone);
    }
    entry(user) = deadline;
    include(blocks_[user / kBlock].bounds[user % kBlock / kLeaf], deadline);
    include(bounds_[user / kBlock], deadline);
}

void Deadlines::erase(std::uint32_t user) {
    entry(user) = kNone;
}

void Deadlines::clear() {
    blocks_.clear();
    bounds_.clear();
}

bool Deadlines::take_due(std::uint32_t now, std::size_t limit, std::vector<Due>& out) {
    const auto room = out.size() + limit;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        if (cursor_ >= blocks_.size()) cursor_ = 0;
        const auto bound = bounds_[cursor_];
        if (bound != kNone && before(bound, now) && !take_block(cursor_, now, room, out))
            return true;
        ++cursor_;
    }
    return false;
}

// Returns false if it had to stop for want of room.
bool Deadlines::take_block(std::size_t block, std::uint32_t now, std::size_t room,
                           std::vector<Due>& out) {
    auto& b = blocks_[block];
    for (std::uint32_t leaf = 0; leaf < b.bounds.size(); ++leaf) {
        if (b.bounds[leaf] == kNone || !before(b.bounds[leaf], now)) continue;
        const auto first = static_cast<std::uint32_t>(block) * kBlock + leaf * kLeaf;
        if (!take_leaf(b, leaf, first, now, room, out)) return false;
    }
    bounds_[block] = bound_at(earliest<kBlock / kLeaf>(b.bounds.data(), now), now);
    return true;
}

bool Deadlines::take_leaf(Block& block, std::uint32_t leaf, std::uint32_t first_user,
                          std::uint32_t now, std::size_t room, std::vector<Due>& out) {
    auto* deadlines = &block.deadlines[leaf * kLeaf];
    auto least = earliest<kLeaf>(deadlines, now);
    if (least < 0) {
        for (std::uint32_t i = 0; i < kLeaf; ++i) {
            if (deadlines[i] == kNone || !before(deadlines[i], now)) continue;
            if (out.size() >= room) return false;
            out.push_back({first_user + i, deadlines[i]});
            deadlines[i] = kNone;
        }
        least = earliest<kLeaf>(deadlines, now);
    }
    block.bounds[leaf] = bound_at(least, now);
    return true;
}

std::optional<std::uint32_t> Deadlines::bound() const {
    auto least = kNone;
    for (const auto b : bounds_)
        if (b != kNone && (least == kNone || before(b, least))) least = b;
    if (least == kNone) return std::nullopt;
    return least;
}

std::size_t Deadlines::bytes() const {
    return blocks_.size() * sizeof(Block) + bounds_.capacity() * sizeof(bounds_[0]);
}

std::optional<std::uint32_t> Deadlines::of(std::uint32_t user) const {
    if (user / kBlock >= blocks_.size()) return std::nullopt;
    const auto d = blocks_[user / kBlock].deadlines[user % kBlock];
    if (d == kNone) return std::nullopt;
    return d;
}

void Deadlines::check() const {
    const auto holds = [](std::uint32_t bound, std::uint32_t d) {
        return d == kNone || (bound != kNone && !before(d, bound));
    };
    for (std::size_t b = 0; b < blocks_.size(); ++b)
        for (std::uint32_t i = 0; i < kBlock; ++i) {
            const auto& block = blocks_[b];
            PRESENCE_CHECK(holds(block.bounds[i / kLeaf], block.deadlines[i]),
                           "a leaf's bound is later than one of its deadlines");
            PRESENCE_CHECK(holds(bounds_[b], block.bounds[i / kLeaf]),
                           "a block's bound is later than one of its leaves'");
        }
}

}  // namespace presence::tracker
