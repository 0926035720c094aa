#pragma once

#include <string>
#include <string_view>

namespace presence {

// "redis://HOST[:PORT][/DB]" or "unix:///PATH[?db=DB]".
struct RedisUrl {
    std::string host;  // a name, or an address without brackets; empty: `path`
    int port = 6379;
    std::string path;  // of a socket in the file system
    int db = 0;
    std::string origin;  // for messages
};

// Fills `out` and returns nothing, or says what is wrong, ready to follow "`url`: ". Strict: no
// user or password, which would be printed and logged.
[[nodiscard]] std::string parse_redis_url(std::string_view text, RedisUrl& out);

}  // namespace presence
