#include "notifier/sinks/webhook/http_post.hpp"

#include <curl/curl.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <utility>

#include "common/check.hpp"
#include "common/config/address.hpp"
#include "common/config/config.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

namespace {

// Only to notice what libcurl finds out by itself; news end the wait at once.
constexpr int kWaitMs = 1'000;

struct FreeList {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

List list_of(const std::vector<std::string>& lines) {
    List list;
    for (const auto& line : lines) {
        auto* longer = curl_slist_append(list.get(), line.c_str());
        PRESENCE_CHECK(longer != nullptr, "out of memory");
        (void)list.release();
        list.reset(longer);
    }
    return list;
}

// The bytes of an IPv4 or IPv6 address, nothing for another. `addr` is only the beginning of what
// libcurl holds: the whole is `addrlen` bytes.
std::vector<std::uint8_t> address_of(const curl_sockaddr& address) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&address.addr);
    const auto cut = [&](std::size_t from, std::size_t size) {
        if (from + size > address.addrlen) return std::vector<std::uint8_t>{};
        return std::vector<std::uint8_t>(bytes + from, bytes + from + size);
    };
    if (address.family == AF_INET)
        return cut(offsetof(sockaddr_in, sin_addr), sizeof(sockaddr_in::sin_addr));
    if (address.family == AF_INET6)
        return cut(offsetof(sockaddr_in6, sin6_addr), sizeof(sockaddr_in6::sin6_addr));
    return {};
}

long milliseconds(Duration d) {
    return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(d).count());
}

}  // namespace

struct HttpPost::Curl {
    Curl(Options with, const Interrupt& by) : options(std::move(with)), interrupt(&by) {
        // Once in the process, before any thread of libcurl's.
        static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
        if (kReady == CURLE_OK) {
            multi = curl_multi_init();
            easy = curl_easy_init();
        }
        PRESENCE_CHECK(multi != nullptr && easy != nullptr, "libcurl does not start");
    }
    ~Curl() {
        curl_easy_cleanup(easy);
        curl_multi_cleanup(multi);
    }
    Curl(const Curl&) = delete;

    template <class Value>
    void set(CURLoption option, Value value) {
        const auto code = curl_easy_setopt(easy, option, value);
        if (code != CURLE_OK)
            throw ConfigError("cannot post to " + options.origin + ": " + curl_easy_strerror(code));
    }
    void configure();

    // Called by libcurl, within perform().
    static std::size_t on_body(const char*, std::size_t, std::size_t size, void* self);
    static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);

    CURLcode perform();
    [[nodiscard]] std::string reason(CURLcode code) const;
    // Some of the request was: nobody knows what has become of it.
    [[nodiscard]] bool sent() const {
        long bytes = 0;
        return curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK && bytes > 0;
    }

    Options options;
    const Interrupt* interrupt;
    CURLM* multi = nullptr;
    CURL* easy = nullptr;
    std::array<char, CURL_ERROR_SIZE> error{};
    std::string refused;  // addresses that were not connected to
    std::size_t answer_bytes = 0;
};

void HttpPost::Curl::configure() {
    set(CURLOPT_URL, options.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_SSL_VERIFYPEER, 1L);
    set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_PROXY, options.proxy.c_str());  // empty: none, whatever the environment says
    set(CURLOPT_NOPROXY, "");
    set(CURLOPT_TIMEOUT_MS, milliseconds(options.timeout));
    set(CURLOPT_CONNECTTIMEOUT_MS,
        milliseconds(std::min(options.connect_timeout, options.timeout)));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // nobody waits for a name server that does not answer
    set(CURLOPT_USERAGENT, options.user_agent.c_str());
    set(CURLOPT_ERRORBUFFER, error.data());
    set(CURLOPT_WRITEFUNCTION, &Curl::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_OPENSOCKETFUNCTION, &Curl::open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
}

std::size_t HttpPost::Curl::on_body(const char* /*bytes*/, std::size_t /*one*/, std::size_t size,
                                    void* self) {
    auto& answer_bytes = static_cast<Curl*>(self)->answer_bytes;
    answer_bytes += size;
    return answer_bytes <= kAnswerBytesMax ? size : 0;
}

curl_socket_t HttpPost::Curl::open_socket(void* self, curlsocktype /*purpose*/,
                                          curl_sockaddr* address) {
    auto& curl = *static_cast<Curl*>(self);
    const auto why = why_not_public(address_of(*address));
    if (why.empty() || curl.options.allow_private || !curl.options.proxy.empty())
        return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    auto& refused = curl.refused;
    if (refused.find(why) == std::string::npos)
        refused.append(refused.empty() ? "" : ", ").append(why);
    return CURL_SOCKET_BAD;
}

// Runs the one transfer to its end.
CURLcode HttpPost::Curl::perform() {
    error.fill('\0');
    refused.clear();
    answer_bytes = 0;
    PRESENCE_CHECK(curl_multi_add_handle(multi, easy) == CURLM_OK, "libcurl takes no request");
    struct Removed {
        Curl& curl;
        ~Removed() { curl_multi_remove_handle(curl.multi, curl.easy); }
    } const removed{*this};
    for (;;) {
        int running = 0;
        PRESENCE_CHECK(curl_multi_perform(multi, &running) == CURLM_OK, "libcurl is broken");
        if (running == 0) break;
        curl_waitfd stop{interrupt->fd(), CURL_WAIT_POLLIN, 0};
        (void)curl_multi_poll(multi, &stop, 1, kWaitMs, nullptr);
        if (stop.revents != 0) throw SinkFailure("stopped while posting to " + options.origin);
    }
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi, &left))
        if (message->msg == CURLMSG_DONE) return message->data.result;
    return CURLE_FAILED_INIT;
}

std::string HttpPost::Curl::reason(CURLcode code) const {
    if (!refused.empty() && code == CURLE_COULDNT_CONNECT)
        return "its address is " + refused + ": refused, as allow_private is false";
    return error.front() != '\0' ? without_time(error.data()) : curl_easy_strerror(code);
}

std::string without_time(std::string_view text) {
    constexpr std::string_view kAfter = " after ";
    const auto after = text.find(kAfter);
    if (after == std::string_view::npos) return std::string(text);
    auto end = std::min(text.find_first_not_of("0123456789", after + kAfter.size()), text.size());
    for (const std::string_view unit : {" milliseconds", " ms"})
        if (end > after + kAfter.size() && text.substr(end).starts_with(unit))
            return std::string(text.substr(0, after)).append(text.substr(end + unit.size()));
    return std::string(text);
}

HttpPost::HttpPost(Options options, const Interrupt& interrupt)
    : curl_(std::make_unique<Curl>(std::move(options), interrupt)) {
    curl_->configure();
}

HttpPost::~HttpPost() = default;

HttpPost::Answer HttpPost::post(const std::vector<std::string>& headers, std::string_view body) {
    auto& curl = *curl_;
    const auto list = list_of(headers);
    curl.set(CURLOPT_HTTPHEADER, list.get());
    curl.set(CURLOPT_POSTFIELDS, body.data());
    curl.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    const auto code = curl.perform();
    const bool cut = code == CURLE_WRITE_ERROR && curl.answer_bytes > kAnswerBytesMax;
    if (code != CURLE_OK && !cut)
        throw SinkFailure(
            Failure{.fault = curl.sent() ? Fault::unclear : Fault::place,
                    .reason = "cannot post to " + curl.options.origin + ": " + curl.reason(code)});
    Answer answer;
    curl_easy_getinfo(curl.easy, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_header* header = nullptr;
    if (curl_easy_header(curl.easy, "Retry-After", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        answer.retry_after = header->value;
    if (curl_easy_header(curl.easy, "Date", 0, CURLH_HEADER, -1, &header) == CURLHE_OK)
        answer.date = header->value;
    return answer;
}

Duration retry_after(std::string_view value, WallTime now) {
    constexpr auto kMax = std::chrono::duration_cast<std::chrono::seconds>(kRetryAfterMax);
    if (value.empty()) return {};
    if (value.find_first_not_of("0123456789") == std::string_view::npos) {
        std::int64_t seconds = 0;
        const auto [rest, error] =
            std::from_chars(value.data(), value.data() + value.size(), seconds);
        if (error != std::errc{}) return kRetryAfterMax;  // more than fits
        return std::min(std::chrono::seconds(seconds), kMax);
    }
    const auto date = curl_getdate(std::string(value).c_str(), nullptr);
    if (date < 0) return {};
    const auto wait = std::chrono::seconds(date) - now.time_since_epoch();
    return std::clamp<Duration>(wait, Duration{}, kRetryAfterMax);
}

Duration retry_after(std::string_view value, std::string_view date, WallTime ours) {
    const auto theirs = curl_getdate(std::string(date).c_str(), nullptr);
    return retry_after(value, theirs < 0 ? ours : WallTime{std::chrono::seconds(theirs)});
}

}  // namespace presence::notifier
