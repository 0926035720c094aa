#include <iostream>
#include <memory>

#include "cli/commands.hpp"
#include "common/config/config.hpp"
#include "common/io/config_file.hpp"
#include "common/io/program.hpp"

namespace presence::cli {

void add_check_config(io::Flags& presence) {
    const auto files = std::make_shared<std::vector<std::string>>();
    const auto named = std::make_shared<std::optional<std::string>>();
    auto& flags = presence.command(
        "check-config", "say whether a configuration is right, and if not, where", [files, named] {
            if (*named && !files->empty()) throw io::UsageError("give one file, not two");
            const auto file =
                io::config_file(files->empty() ? *named : std::optional(files->front()));
            const Config config = load_config(file, io::environment(), {});
            for (const auto& warning : config.warnings)
                std::cerr << "presence: " << warning << "\n";
            std::cout << file.value_or("built-in configuration") << ": ok\n";
            return 0;
        });
    flags.words("FILE", 0, 1, *files, std::string("the file; ") + io::kConfigHelp);
    flags.text("--config", "FILE", *named, "the same, as for other commands");
    flags.epilogue("\nPRESENCE_* of the environment count too. Exit code 78: it is wrong.");
}

}  // namespace presence::cli
