#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace presence::embed {

struct Transition {
    bool online = false;
    std::string id;
};

// What has happened and is not told yet, oldest first, in one buffer: 5 bytes and the id each. So a
// million users who fall silent at once take 21 MB with ids of 16 bytes, and nothing once told.
class Transitions {
public:
    void push(bool online, std::string_view id) {
        const auto bytes = static_cast<std::uint32_t>(id.size());
        bytes_.push_back(online ? '\1' : '\0');
        bytes_.append(reinterpret_cast<const char*>(&bytes), sizeof bytes);
        bytes_.append(id);
        ++count_;
    }
    // The oldest, which is then no longer in here.
    [[nodiscard]] std::optional<Transition> pop() {
        if (count_ == 0) return std::nullopt;
        std::uint32_t bytes = 0;
        std::memcpy(&bytes, &bytes_[begin_ + 1], sizeof bytes);
        Transition oldest{bytes_[begin_] != '\0', bytes_.substr(begin_ + 1 + sizeof bytes, bytes)};
        begin_ += 1 + sizeof bytes + bytes;
        --count_;
        if (count_ == 0 || begin_ > kSlackBytes) {
            bytes_.erase(0, begin_);
            begin_ = 0;
            if (bytes_.capacity() > 4 * (bytes_.size() + kSlackBytes)) bytes_.shrink_to_fit();
        }
        return oldest;
    }
    [[nodiscard]] std::size_t size() const { return count_; }

private:
    // Moving what is left to the front costs little beside the bytes it frees.
    static constexpr std::size_t kSlackBytes = 256 * 1024;

    std::string bytes_;
    std::size_t begin_ = 0;
    std::size_t count_ = 0;
};

}  // namespace presence::embed
