#pragma once

#include <string>

#include "common/io/program.hpp"
#include "common/limits.hpp"
#include "common/text.hpp"

namespace presence::cli {

// Throws UsageError for what no tracker would know.
inline void require_user_id(const std::string& user) {
    if (check_text(user, kUserBytesMax) != TextFault::none)
        throw io::UsageError("`" + user + "` is no user id: 1 to " + std::to_string(kUserBytesMax) +
                             " bytes of UTF-8 without control characters");
}

}  // namespace presence::cli
