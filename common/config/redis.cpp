#include <algorithm>
#include <charconv>

#include "common/config/address.hpp"
#include "common/config/read.hpp"
#include "common/config/redis_url.hpp"

namespace presence {
namespace {

constexpr std::string_view kTcp = "redis://";
constexpr std::string_view kUnix = "unix://";
constexpr int kDbMax = 1'000'000;

// False if it is no number of a database.
bool read_db(std::string_view text, int& db) {
    const auto* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, db);
    return error == std::errc{} && rest == end && db >= 0 && db <= kDbMax;
}

std::string parse_unix(std::string_view text, RedisUrl& url) {
    constexpr std::string_view kDb = "?db=";
    const auto query = std::min(text.find('?'), text.size());
    url.path = text.substr(0, query);
    if (url.path.empty() || url.path[0] != '/') return "a socket is unix:///ABSOLUTE/PATH";
    const auto rest = text.substr(query);
    if (!rest.empty() && (!rest.starts_with(kDb) || !read_db(rest.substr(kDb.size()), url.db)))
        return "behind the path of a socket may stand ?db=NUMBER";
    return {};
}

std::string parse_tcp(std::string_view text, RedisUrl& url) {
    const auto server = text.substr(0, text.find('/'));
    const auto rest = text.substr(server.size());
    if (auto fault = parse_server(server, url.host, url.port); !fault.empty()) return fault;
    if (rest.size() > 1 && !read_db(rest.substr(1), url.db))
        return "behind the server stands the number of a database: redis://HOST:PORT/0";
    return {};
}

}  // namespace

std::string parse_redis_url(std::string_view text, RedisUrl& out) {
    RedisUrl url;
    if (text.starts_with("rediss://"))
        return "rediss:// (TLS) is not spoken yet: go through a local stunnel or socket";
    if (!text.starts_with(kTcp) && !text.starts_with(kUnix))
        return "a URL is redis://HOST:PORT/DB or unix:///PATH";
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
        return "a URL is printable ASCII without spaces";
    if (text.find('@') != std::string_view::npos)
        return "a user or password in a URL would be printed and logged: write `user` and "
               "`password_file`";
    const bool tcp = text.starts_with(kTcp);
    auto fault =
        tcp ? parse_tcp(text.substr(kTcp.size()), url) : parse_unix(text.substr(kUnix.size()), url);
    if (!fault.empty()) return fault;
    url.origin = text.substr(0, text.find('?'));
    out = std::move(url);
    return {};
}

void check_redis(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin) {
    if (sink.url.empty())
        origin.fail(place, "the sink `" + sink.name + "` needs a `url`: redis://HOST:PORT/DB");
    RedisUrl url;
    if (const auto fault = parse_redis_url(sink.url, url); !fault.empty())
        origin.fail(place + "/url", "`url`: " + fault);
    check_password(sink, place, origin);
}

}  // namespace presence
