#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/time.hpp"

// A command line, described and then parsed. The only place that knows the flag library.
namespace presence::io {

// Every `into` must outlive parse(); it keeps its value, the default, where the flag is absent.
class Flags {
public:
    // `program` as it is called, `about` in a line or two.
    Flags(const std::string& program, const std::string& about);
    ~Flags();
    Flags(const Flags&) = delete;
    Flags& operator=(const Flags&) = delete;

    // `name` is "--json" or "-n,--count"; `value` names the value in --help.
    void toggle(const std::string& name, bool& into, const std::string& help);
    void text(const std::string& name, const std::string& value, std::string& into,
              const std::string& help);
    void text(const std::string& name, const std::string& value, std::optional<std::string>& into,
              const std::string& help);
    void number(const std::string& name, std::uint64_t low, std::uint64_t high, std::uint64_t& into,
                const std::string& help);
    void duration(const std::string& name, Duration low, Duration high,
                  std::optional<Duration>& into, const std::string& help);
    // The arguments that are no flags: at least `least`, at most `most`.
    void words(const std::string& name, std::size_t least, std::size_t most,
               std::vector<std::string>& into, const std::string& help);
    // --timeout, --log-level ...: one for each scalar of [presence], as load_config takes `flags`.
    void settings(std::map<std::string, std::string>& into);
    // Shown below the flags in --help: examples, environment, exit codes.
    void epilogue(const std::string& text);

    // A subcommand with flags of its own; run() calls `run` if it is the one given. One that gets
    // subcommands needs none.
    Flags& command(const std::string& name, const std::string& about,
                   std::function<int()> run = {});

    // Nothing: go on. Otherwise exit with this code: --help or --version was answered. Throws
    // UsageError, in our own words.
    [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv);
    // Parses and runs the given subcommand.
    [[nodiscard]] int run(int argc, const char* const* argv);

private:
    struct Impl;
    explicit Flags(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace presence::io
