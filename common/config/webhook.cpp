#include "common/config/address.hpp"
#include "common/config/read.hpp"
#include "common/config/url.hpp"

namespace presence {
namespace {

bool variable_name(const std::string& name) {
    return name.find_first_not_of(
               "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
               "0123456789_") == std::string::npos &&
           (name[0] < '0' || name[0] > '9');
}

// As far as the text tells; the address that is connected to is checked then.
std::string_view special_by_text(const Url& url) {
    if (url.loopback()) return "loopback";
    const auto address = parse_address(url.host);
    return address.empty() ? std::string_view{} : why_not_public(address);
}

void check_secrets(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin) {
    const auto& w = sink.webhook;
    if (origin.names(place + "/secret"))
        origin.fail(place + "/secret",
                    "a secret here would travel wherever this file does: put it into a file of its "
                    "own, `secret_file`, or an environment variable, `secret_env`");
    if (w.secret_file.empty() && w.secret_env.empty())
        origin.fail(place, "the sink `" + sink.name +
                               "` needs a `secret_file` (or a `secret_env`), to sign what it "
                               "posts");
    if (!w.secret_file.empty() && !w.secret_env.empty())
        origin.fail(place + "/secret_env", "`secret_file` and `secret_env`: one of the two");
    // A secret that was put here in place of a name must not be told.
    if (!w.secret_env.empty() &&
        (w.secret_env.starts_with("whsec_") || !variable_name(w.secret_env)))
        origin.fail(place + "/secret_env",
                    "`secret_env` is the name of an environment variable, not the secret");
    if (w.secret_file.starts_with("whsec_"))
        origin.fail(place + "/secret_file", "`secret_file` is the path of a file, not the secret");
}

}  // namespace

void check_webhook(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin) {
    const auto& w = sink.webhook;
    if (sink.url.empty()) origin.fail(place, "the sink `" + sink.name + "` needs a `url`");
    Url url;
    // Not the URL itself: its path may be a secret.
    if (const auto fault = parse_url(sink.url, url); !fault.empty())
        origin.fail(place + "/url", "`url`: " + fault);
    const std::string_view special = special_by_text(url);
    if (!special.empty() && !w.allow_private)
        origin.fail(place + "/url", "`url` leads to " + url.host + " (" + std::string(special) +
                                        "), which is not on the public internet: set "
                                        "allow_private = true if that is meant");
    if (url.scheme == "http" && !url.loopback() && !w.allow_plaintext)
        origin.fail(place + "/url",
                    "`url` is http: what is posted can be read on its way. Use https, or set "
                    "allow_plaintext = true in this [[sink]] for a trusted network");
    if (!w.proxy.empty()) {
        Url proxy;
        if (const auto fault = parse_url(w.proxy, proxy); !fault.empty())
            origin.fail(place + "/proxy", "`proxy`: " + fault);
    }
    check_secrets(sink, place, origin);
}

}  // namespace presence
