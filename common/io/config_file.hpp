#pragma once

#include <optional>
#include <string>

namespace presence::io {

// Which file to read: `given` by --config, else $PRESENCE_CONFIG, else ./presence.toml, else
// /etc/presence/presence.toml, of the last two the first that is there. An empty name, in the flag
// or the variable, means none. Nothing: the built-in configuration.
[[nodiscard]] std::optional<std::string> config_file(const std::optional<std::string>& given);

// What --help says of it, after what the file is for.
inline constexpr const char* kConfigHelp =
    "default $PRESENCE_CONFIG, ./presence.toml, /etc/presence/presence.toml, the built-in one; "
    "\"\": the built-in one";

}  // namespace presence::io
