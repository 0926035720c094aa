#include <iostream>
#include <memory>

#include "cli/commands.hpp"
#include "common/config.hpp"
#include "common/io/program.hpp"

namespace presence::cli {

void add_check_config(io::Flags& presence) {
    const auto files = std::make_shared<std::vector<std::string>>();
    auto& flags = presence.command(
        "check-config", "say whether a configuration is right, and if not, where", [files] {
            const auto file = files->empty() ? std::nullopt : std::optional(files->front());
            const Config config = load_config(file, io::environment(), {});
            for (const auto& warning : config.warnings)
                std::cerr << "presence: " << warning << "\n";
            std::cout << file.value_or("built-in configuration") << ": ok\n";
            return 0;
        });
    flags.words("FILE", 0, 1, *files, "the file; without it, the built-in one");
    flags.epilogue("\nPRESENCE_* of the environment count too. Exit code 78: it is wrong.");
}

}  // namespace presence::cli
