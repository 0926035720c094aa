#include "common/io/config_file.hpp"

#include <cstdlib>
#include <filesystem>

namespace presence::io {

std::optional<std::string> config_file(const std::optional<std::string>& given) {
    const char* variable = std::getenv("PRESENCE_CONFIG");
    if (given || variable != nullptr) {
        const std::string name = given ? *given : variable;
        return name.empty() ? std::nullopt : std::optional(name);
    }
    for (const char* name : {"./presence.toml", "/etc/presence/presence.toml"}) {
        std::error_code error;
        // One that cannot be looked at is there: reading it tells why not.
        if (std::filesystem::exists(name, error) || error) return name;
    }
    return {};
}

}  // namespace presence::io
