#include "common/config/read.hpp"

namespace presence {

void check_password(const SinkConfig& sink, const std::string& place, const ConfigOrigin& origin) {
    if (origin.names(place + "/password"))
        origin.fail(place + "/password",
                    "a password here would travel wherever this file does: put it into a file of "
                    "its own, `password_file`");
    if (!sink.user.empty() && sink.password_file.empty())
        origin.fail(place + "/user", "`user` needs a `password_file`");
}

}  // namespace presence
