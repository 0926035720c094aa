#include "common/io/flags.hpp"

#include <CLI/CLI.hpp>
#include <charconv>

#include "common/config/built_in.hpp"
#include "common/config/schema.hpp"
#include "common/config/suggest.hpp"
#include "common/io/program.hpp"

namespace presence::io {

struct Flags::Impl {
    std::unique_ptr<CLI::App> owned;  // of the top command only
    CLI::App* app = nullptr;
    std::string program;
    std::function<int()> run;
    std::vector<std::unique_ptr<Flags>> commands;

    // Of the innermost command given.
    [[nodiscard]] int dispatch() const {
        for (const auto& command : commands)
            if (command->impl_->app->parsed())
                return command->impl_->commands.empty() ? command->impl_->run()
                                                        : command->impl_->dispatch();
        return kExitUsage;
    }

    CLI::Option* add(const std::string& name, const std::string& value,
                     const std::function<void(const std::string&)>& set, const std::string& help) {
        return app->add_option_function<std::string>(name, set, help)->type_name(value);
    }
};

namespace {

// `[FILE]`, `ID...`: not CLI11's `ID(1x)`.
class Usage : public CLI::Formatter {
public:
    std::string make_option_usage(const CLI::Option* option) const override {
        std::string usage = make_option_name(option, true);
        if (option->get_expected_max() > 1) usage += "...";
        return option->get_required() ? usage : "[" + usage + "]";
    }
};

[[noreturn]] void refuse(const std::string& name, const std::string& message) {
    throw CLI::ValidationError(name.substr(name.rfind(',') + 1) + " " + message);
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<std::string> names_of(const CLI::App& app) {
    std::vector<std::string> names;
    for (const auto* option : app.get_options())
        for (const auto& name : option->get_lnames())
            names.push_back("--" + name);
    for (const auto* command : commands_of(app))
        names.push_back(command->get_name());
    return names;
}

std::string default_of(const std::string& value) {
    return value.empty() ? std::string() : " (default " + value + ")";
}

// "--count" of "--count: 1 required N missing" and the like.
std::string subject_of(const std::string& message) {
    return message.substr(0, message.find_first_of(": "));
}

// In our words; the library's, for what we did not foresee.
std::string in_words(const CLI::App& app, const CLI::ParseError& error) {
    const std::string subject = subject_of(error.what());
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return "say which " + subject;
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) == nullptr) return error.what();
    if (app.get_option_no_throw("--" + subject) != nullptr)
        return "--" + subject + " takes no value";
    const CLI::Option* option = app.get_option_no_throw(subject);
    if (option == nullptr) return error.what();
    if (option->get_positional())
        return "more than " + std::to_string(option->get_expected_max()) + " of " + subject +
               " are given";
    return option->count() > 1
               ? subject + " is given twice"
               : subject + " needs a value: " + subject + " " + option->get_type_name();
}

[[noreturn]] void complain(const CLI::App& top, const CLI::ParseError& error) {
    const CLI::App* app = &top;  // the innermost command that was given
    std::string command = top.get_name();
    for (auto given = app->get_subcommands(); !given.empty(); given = app->get_subcommands()) {
        app = given.front();
        command += " " + app->get_name();
    }
    std::string message = in_words(*app, error);
    const auto left = top.remaining(true);
    const bool commands = !commands_of(*app).empty();
    if (!left.empty() && (commands || dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)) {
        const auto names = names_of(*app);
        const bool flag = left.front().starts_with('-');
        message = (flag       ? "unknown flag `"
                   : commands ? "unknown command `"
                              : "unexpected `") +
                  left.front() + "`" + did_you_mean(left.front(), {names.begin(), names.end()});
    } else if (commands && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        message = "say what to do, for example `" + command + " " +
                  commands_of(*app).front()->get_name() + "`";
    }
    for (char& c : message)
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    throw UsageError(message + " (see `" + command + " --help`)");
}

}  // namespace

Flags::Flags(const std::string& program, const std::string& about)
    : impl_(std::make_unique<Impl>()) {
    impl_->owned = std::make_unique<CLI::App>(about, program);
    impl_->app = impl_->owned.get();
    impl_->program = program;
    impl_->app->set_help_flag("-h,--help", "say this and end");
    impl_->app->set_version_flag(
        "--version", program + " " + version() + "\nsinks: " + enumerated(sinks_built_in(), ", "),
        "say the version, the types of sinks that are built in, and end");
    impl_->app->formatter(std::make_shared<Usage>());
    impl_->app->get_formatter()->column_width(36);
}

Flags::Flags(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Flags::~Flags() = default;

void Flags::toggle(const std::string& name, bool& into, const std::string& help) {
    impl_->app
        ->add_flag_callback(
            name, [&into] { into = true; }, help)
        ->disable_flag_override();
}

void Flags::text(const std::string& name, const std::string& value, std::string& into,
                 const std::string& help) {
    impl_->add(
        name, value, [&into](const std::string& given) { into = given; }, help);
}

void Flags::text(const std::string& name, const std::string& value,
                 std::optional<std::string>& into, const std::string& help) {
    impl_->add(
        name, value, [&into](const std::string& given) { into = given; }, help);
}

void Flags::number(const std::string& name, std::uint64_t low, std::uint64_t high,
                   std::uint64_t& into, const std::string& help) {
    const auto set = [&into, name, low, high](const std::string& given) {
        const auto* end = given.data() + given.size();
        std::uint64_t value = 0;
        const auto [rest, error] = std::from_chars(given.data(), end, value);
        if (error != std::errc{} || rest != end || value < low || value > high)
            refuse(name, "must be a whole number between " + std::to_string(low) + " and " +
                             std::to_string(high) + ", not `" + given + "`");
        into = value;
    };
    impl_->add(name, "N", set, help);
}

void Flags::duration(const std::string& name, Duration low, Duration high,
                     std::optional<Duration>& into, const std::string& help) {
    const auto set = [&into, name, low, high](const std::string& given) {
        const auto value = parse_duration(given);
        if (!value)
            refuse(name, "must be a duration such as 30s, 500ms, 2m or 1h, not `" + given + "`");
        if (*value < low || *value > high)
            refuse(name, "must lie between " + format_duration(low) + " and " +
                             format_duration(high) + ", not `" + given + "`");
        into = value;
    };
    impl_->add(name, "DURATION", set, help);
}

void Flags::words(const std::string& name, std::size_t least, std::size_t most,
                  std::vector<std::string>& into, const std::string& help) {
    auto* option = impl_->app->add_option(name, into, help);
    option->type_name("")->expected(static_cast<int>(std::max<std::size_t>(least, 1)),
                                    static_cast<int>(most));
    if (least > 0) option->required();
}

void Flags::settings(std::map<std::string, std::string>& into) {
    PresenceConfig defaults;
    for (const auto& setting : presence_schema().settings) {
        std::string name = "--" + std::string(setting.key);
        for (char& c : name)
            if (c == '_') c = '-';
        const auto place = setting.at(&defaults);
        const auto* choice = std::get_if<Choice>(&place);
        const std::string choices =
            choice == nullptr ? std::string() : ": " + enumerated(choice->words, ", ");
        auto* option = impl_->add(
            name, std::string(setting.value_name),
            [&into, key = std::string(setting.key)](const std::string& given) {
                into[key] = given;
            },
            std::string(setting.help) + choices + default_of(text_of(setting, &defaults)));
        option->group("Settings, over those of the file");
    }
}

void Flags::epilogue(const std::string& text) {
    impl_->app->footer(text);
}

Flags& Flags::command(const std::string& name, const std::string& about, std::function<int()> run) {
    auto impl = std::make_unique<Impl>();
    impl->app = impl_->app->add_subcommand(name, about);
    impl->app->get_formatter()->column_width(36);
    impl->program = impl_->program;
    impl->run = std::move(run);
    impl_->app->require_subcommand(1);
    impl_->commands.push_back(std::unique_ptr<Flags>(new Flags(std::move(impl))));
    return *impl_->commands.back();
}

std::optional<int> Flags::parse(int argc, const char* const* argv) {
    try {
        impl_->app->parse(argc, argv);
        return {};
    } catch (const CLI::Success& success) {  // --help, --version
        return impl_->app->exit(success);
    } catch (const CLI::ParseError& error) {
        complain(*impl_->app, error);
    }
}

int Flags::run(int argc, const char* const* argv) {
    if (const auto code = parse(argc, argv)) return *code;
    return impl_->dispatch();
}

}  // namespace presence::io
