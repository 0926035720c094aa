#include "notifier/sinks/webhook/message.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>

#include "common/check.hpp"

namespace presence::notifier {

namespace {

constexpr std::size_t kIdBytes = 16;

// Each id ends with a newline, so that no two lists of ids make one text.
std::string message_id(const std::string& event_ids) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    PRESENCE_CHECK(EVP_Digest(event_ids.data(), event_ids.size(), digest.data(), &size,
                              EVP_sha256(), nullptr) == 1 &&
                       size >= kIdBytes,
                   "SHA-256 failed");
    std::string id = "msg_";
    for (std::size_t i = 0; i < kIdBytes; ++i) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        id += kDigits[digest[i] >> 4];
        id += kDigits[digest[i] & 15];
    }
    return id;
}

// The events of one message while they are put together.
class Draft {
public:
    void add(const Event& event, std::string_view json) {
        if (!data_.empty()) data_ += ',';
        data_ += json;
        ids_ += id_of(event);
        ids_ += '\n';
        newest_ms_ = events_ == 0 ? event.at_ms : std::max(newest_ms_, event.at_ms);
        ++events_;
    }
    [[nodiscard]] std::size_t events() const { return events_; }
    [[nodiscard]] std::size_t bytes() const { return data_.size(); }
    // The time of the newest event, as each attempt has to post the same.
    [[nodiscard]] WebhookMessage message() const {
        return {message_id(ids_),
                R"({"type":"presence.transitions","timestamp":")" + utc_text(newest_ms_) +
                    R"(","data":[)" + data_ + "]}",
                events_};
    }

private:
    std::string data_;
    std::string ids_;
    std::int64_t newest_ms_ = 0;
    std::size_t events_ = 0;
};

}  // namespace

std::vector<WebhookMessage> webhook_messages(const std::vector<Event>& chunk,
                                             std::size_t events_max, std::size_t bytes_max) {
    std::vector<WebhookMessage> messages;
    Draft draft;
    for (const auto& event : chunk) {
        const auto json = to_json(event);
        const bool full =
            draft.events() >= events_max || draft.bytes() + json.size() + 1 > bytes_max;
        if (draft.events() > 0 && full) {
            messages.push_back(draft.message());
            draft = Draft();
        }
        draft.add(event, json);
    }
    if (draft.events() > 0) messages.push_back(draft.message());
    return messages;
}

std::string utc_text(std::int64_t unix_ms) {
    using namespace std::chrono;
    const sys_time<milliseconds> time{milliseconds{unix_ms}};
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss clock{time - day};
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()),
                  static_cast<int>(clock.subseconds().count()));
    return text.data();
}

}  // namespace presence::notifier
