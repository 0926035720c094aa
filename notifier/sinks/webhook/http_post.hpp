#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"
#include "notifier/sinks/interrupt.hpp"

namespace presence::notifier {

// Posts to one URL, one request at a time, over connections that are kept open between them.
//
// The target is somebody else's, so it is not trusted: redirects are not followed, an answer's body
// is not kept and read up to kAnswerBytesMax only, and with `allow_private` false no connection is
// opened to an address that is not public. That is asked of the very address that is connected
// to, so a name that resolves to something else the second time gains nothing. With a proxy it is
// the proxy that connects, and has to check.
class HttpPost {
public:
    static constexpr std::size_t kAnswerBytesMax = 64 * 1024;

    struct Options {
        std::string url;
        std::string origin;  // of the URL, for messages
        std::string user_agent;
        Duration timeout{};          // of a request, name resolution and connecting included
        Duration connect_timeout{};  // of these alone
        bool allow_private = false;
        std::string proxy;    // none unless named: the environment is not asked
        std::string ca_file;  // in place of the system's authorities
    };
    // Throws ConfigError for what libcurl does not take.
    HttpPost(Options options, const Interrupt& interrupt);
    ~HttpPost();
    HttpPost(const HttpPost&) = delete;

    struct Answer {
        long status = 0;
        // The headers' values, if there are any.
        std::string retry_after, date;
    };
    // Headers as "name: value". Throws SinkFailure if there was no whole answer. An answer whose
    // body is too long is cut and counts as whole: its status came first.
    [[nodiscard]] Answer post(const std::vector<std::string>& headers, std::string_view body);

private:
    struct Curl;
    std::unique_ptr<Curl> curl_;
};

// How long the value of a Retry-After header asks to wait: seconds, or a date (RFC 9110, in any of
// its three forms) as seen at `now`. At most kRetryAfterMax; zero for what is neither, or past.
inline constexpr Duration kRetryAfterMax = 24h;
[[nodiscard]] Duration retry_after(std::string_view value, WallTime now);
// The same by the clock of who answered (its Date header), so that ours may show anything; by
// `ours` if there is none.
[[nodiscard]] Duration retry_after(std::string_view value, std::string_view date, WallTime ours);

// What libcurl says failed, without "after 1001 milliseconds", which is another each time: the same
// reason is the same text.
[[nodiscard]] std::string without_time(std::string_view text);

}  // namespace presence::notifier
