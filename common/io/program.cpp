#include "common/io/program.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <iostream>
#include <sstream>

#include "common/config/changes.hpp"
#include "common/config/schema.hpp"
#include "common/config/suggest.hpp"
#include "common/io/config_file.hpp"
#include "common/io/early_log.hpp"
#include "common/io/flags.hpp"
#include "common/io/init.hpp"
#include "common/io/log.hpp"
#include "common/io/output.hpp"
#include "common/io/signals.hpp"
#include "common/io/sockets.hpp"
#include "common/secret_hash.hpp"

extern char** environ;

namespace presence::io {
namespace {

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names)
        out += (out.empty() ? "" : ", ") + name;
    return out;
}

struct Given {
    std::optional<std::string> file;
    std::optional<std::string> id;
    bool check = false;
    bool print = false;
    std::uint64_t parent = 0;
    std::map<std::string, std::string> settings;

    [[nodiscard]] Config load(FileKind kind) const {
        return load_config(file, environment(), settings, kind);
    }
};

std::string epilogue_of(const std::string& program, const std::string& kind) {
    return "\nExample:\n  " + program + " --config /etc/presence.toml --id " + kind[0] +
           "1\n\n"
           "Environment:\n"
           "  PRESENCE_CONFIG: the file.\n"
           "  PRESENCE_TIMEOUT, PRESENCE_LOG_LEVEL ...: each of the settings above.\n"
           "  A flag wins over the environment, the environment over the file.\n\n"
           "Signals:\n"
           "  SIGTERM, SIGINT   finish what is under way and end with 0\n"
           "  SIGHUP            read the file again; a wrong one is refused as a whole\n\n"
           "Exit codes:\n"
           "  0 ended as asked   64 wrong flags   69 an address cannot be bound\n"
           "  70 a defect        74 a data directory cannot be used, or the output not be written\n"
           "  78 wrong configuration\n\n"
           "Every setting is explained in docs/configuration.md.";
}

// The kernel ends us when the supervisor dies, however it dies.
bool end_with_parent(std::uint64_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    return static_cast<std::uint64_t>(::getppid()) == parent;  // it may have died before the call
}

void log_start(const Program& program) {
    log::Fields fields{{"version", version()},
                       {"kind", word_of(program.kind)},
                       {"config", program.config.file.empty() ? "built-in" : program.config.file}};
    std::vector<std::string> values;
    values.reserve(presence_schema().settings.size());
    for (const auto& setting : presence_schema().settings) {
        values.push_back(text_of(setting, &program.config.presence));
        fields.emplace_back(setting.key, values.back());
    }
    if (const auto overrides = overrides_of(program.config); !overrides.empty())
        fields.emplace_back("overrides", overrides);
    log::info("start", fields);
    log_warnings(program.config);
}

// What was printed before comes first. That it cannot be written is no news beside what ended us.
void say_after_output(const std::string& line) {
    std::cout.exceptions(std::ios::goodbit);
    std::cout.flush();
    std::cerr << line;
}

// As an event of the log, or a sentence on stderr where that is no log: one line, whatever a file
// or flag contained. Returns the exit code.
int fail(const std::string& name, std::string message, int code) {
    for (char& c : message)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
    if (log::opened())
        log::error("fatal", {{"message", message}, {"exit_code", code}});
    else
        say_after_output(name + ": " + message + "\n");
    return code;
}

// A line for each thing that is wrong.
int fail_each(const std::string& name, const std::string& messages, int code) {
    std::istringstream lines(messages);
    for (std::string line; std::getline(lines, line);)
        fail(name, line, code);
    return code;
}

int run_loaded(const std::string& name, ProcessKind kind, Given& given,
               const std::function<int(const Program&)>& run) {
    given.file = config_file(given.file);  // once: a reload does not look elsewhere
    Program program{
        given.load(FileKind::any), kind, {}, [&given] { return given.load(FileKind::regular); }};
    const std::string source =
        program.config.file.empty() ? "built-in configuration" : program.config.file;
    const auto ids = ids_of(program.config, kind);
    const std::string word(word_of(kind));
    if (given.id) {
        if (std::find(ids.begin(), ids.end(), *given.id) == ids.end())
            return fail(name,
                        source + ": there is no " + word + " `" + *given.id + "`, but " +
                            joined(ids) + did_you_mean(*given.id, {ids.begin(), ids.end()}),
                        kExitUsage);
        program.id = *given.id;
    }
    if (given.print) std::cout << print_config(program.config) << std::flush;
    if (given.check) {
        for (const auto& warning : program.config.warnings)
            std::cerr << name << ": " << warning << "\n";
        std::cout << source << ": ok" << std::endl;
    }
    if (given.print || given.check) return 0;
    if (program.id.empty()) {
        if (ids.size() != 1)
            return fail(name, "say with --id which " + word + " to be: " + joined(ids), kExitUsage);
        program.id = ids.front();
    }
    if (given.parent != 0 && !end_with_parent(given.parent)) return 0;
    draw_hash_secret();
    log::open(program.config.presence.log_level, program.config.presence.log_format, program.id);
    log_start(program);
    return run(program);
}

}  // namespace

void log_warnings(const Config& config) {
    for (const auto& warning : config.warnings)
        log::warn("config_warning", {{"message", warning}});
}

Config reread(const Program& program, const Config& running) {
    auto config = program.reload();
    const auto refusal = reload_refusal(running, config, program.kind, program.id);
    if (!refusal.empty()) throw ConfigError(config.file + ": " + refusal);
    const auto waiting = waiting_changes(running, config, program.kind, program.id);
    if (!waiting.empty()) log::warn("restart_needed", {{"changed", waiting}});
    log::set_level(config.presence.log_level);
    log_warnings(config);
    return config;
}

int run_program(int argc, char** argv, ProcessKind kind,
                const std::function<int(const Program&)>& run) {
    block_sighup();
    be_no_first_process();
    const std::string word(word_of(kind));
    const std::string name = "presence-" + word;
    const std::map<ProcessKind, std::string> about{
        {ProcessKind::collector,
         "Takes heartbeats from edges and sends each to the tracker that owns its "
         "user."},
        {ProcessKind::tracker, "Decides who is online, publishes transitions and answers queries."},
        {ProcessKind::notifier, "Follows the trackers and tells every transition to its sinks."}};
    return guarded(name, [&] {
        open_log_early(argc, argv, name);
        Given given;
        Flags flags(name, about.at(kind));
        flags.text("--config", "FILE", given.file, std::string("configuration; ") + kConfigHelp);
        flags.text("--id", "ID", given.id, "which " + word + " of the configuration to be");
        flags.toggle("--check-config", given.check, "check the configuration and end");
        flags.toggle("--print-config", given.print,
                     "print the configuration in effect, with worst cases, and end");
        flags.number("--parent", 1, 1u << 30, given.parent,
                     "end with this process (set by `presence up`)");
        flags.settings(given.settings);
        flags.epilogue(epilogue_of(name, word));
        if (const auto code = flags.parse(argc, argv)) return *code;
        return run_loaded(name, kind, given, run);
    });
}

OutputError::OutputError(int errnum)
    : StorageError(std::string("cannot write standard output: ") + std::strerror(errnum)) {}

int guarded(const std::string& name, const std::function<int()>& body) {
    // Else the first write beyond `ulimit -f` or LimitFSIZE= ends us; so it fails, with EFBIG.
    ::signal(SIGXFSZ, SIG_IGN);
    const Output output;
    try {
        const int code = body();
        std::cout.flush();  // what is cut short by a full disk is no success
        return code;
    } catch (const UsageError& e) {
        return fail(name, e.what(), kExitUsage);
    } catch (const FlagError& e) {
        return fail(name, e.what(), kExitUsage);
    } catch (const ConfigError& e) {
        return fail_each(name, e.what(), kExitConfig);
    } catch (const SocketError& e) {
        return fail(name, e.what(), kExitUnavailable);
    } catch (const StorageError& e) {
        return fail(name, e.what(), kExitStorage);
    } catch (const std::exception& e) {
        return fail(name, e.what(), kExitSoftware);
    }
}

std::string version() {
    return PRESENCE_VERSION;
}

std::map<std::string, std::string> environment() {
    constexpr std::string_view kPrefix = "PRESENCE_";
    std::map<std::string, std::string> out;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view pair = *entry;
        const auto equals = pair.find('=');
        if (pair.starts_with(kPrefix) && equals != std::string_view::npos)
            out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
    }
    return out;
}

}  // namespace presence::io
