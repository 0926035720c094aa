#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

#include "cli/commands.hpp"
#include "common/config/config.hpp"
#include "common/config/suggest.hpp"
#include "common/io/config_file.hpp"
#include "common/io/program.hpp"
#include "common/store/store.hpp"
#include "notifier/deliver/wish.hpp"

// sink refill: has a place told everything anew. Whether its notifier runs makes no difference.
namespace presence::cli {
namespace {

struct Given {
    std::optional<std::string> file;
    std::vector<std::string> names;
};

const SinkConfig& sink_named(const Config& config, const std::string& name) {
    std::vector<std::string_view> known;
    for (const auto& sink : config.sinks) {
        if (sink.name == name) return sink;
        known.emplace_back(sink.name);
    }
    throw io::UsageError("there is no sink `" + name + "`" + did_you_mean_or_which(name, known));
}

int refill(const Given& given) {
    const auto config = load_config(io::config_file(given.file), io::environment(), {});
    const auto& sink = sink_named(config, given.names.front());
    if (!is_state_place(sink.type))
        throw io::UsageError("the sink `" + sink.name + "` is of type " +
                             std::string(word_of(sink.type)) +
                             ": its place holds what happened, which cannot be told anew");
    const auto wish = notifier::wish_for_refill(directory_of(config, sink));
    std::error_code error;
    if (!std::filesystem::exists(wish.parent_path(), error))
        throw io::StoreError("there is no " + wish.parent_path().string() +
                             ": no notifier ran here yet, or it ran in another directory");
    if (!std::ofstream(wish).good())
        throw io::StoreError("cannot make " + wish.string() + ": " + std::strerror(errno));
    std::cout << sink.name << ": to be refilled, at once or at the notifier's next start\n";
    return 0;
}

}  // namespace

void add_sink(io::Flags& presence) {
    auto& sink = presence.command("sink", "what sinks are to do");
    const auto given = std::make_shared<Given>();
    auto& flags = sink.command("refill", "have its place told who is online, and who is not",
                               [given] { return refill(*given); });
    flags.words("NAME", 1, 1, given->names, "the sink");
    flags.text("--config", "FILE", given->file,
               std::string("the file the notifier was started with; ") + io::kConfigHelp);
    flags.epilogue(
        "\nFor places that hold who is online: redis, postgres. They notice by themselves that "
        "they\n"
        "lost what they took; this is for what they cannot notice. Run it where the notifier "
        "runs:\n"
        "on its machine, in its working directory. Exit code 74: there is no such directory.");
}

}  // namespace presence::cli
