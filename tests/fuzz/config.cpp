// A configuration file: read, or refused with a message; what is printed is read back.
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "common/config/config.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace presence;

namespace {

Config load(std::string_view text) {
    static const int file = memfd_create("config.toml", 0);
    expect(file >= 0 && ftruncate(file, 0) == 0);
    expect(pwrite(file, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    return load_config("/proc/self/fd/" + std::to_string(file), {}, {});
}

}  // namespace

void fuzz(std::string_view bytes) {
    Config config;
    try {
        config = load(bytes);
    } catch (const ConfigError& error) {
        expect(error.what()[0] != '\0');
        return;
    }
    const auto printed = print_config(config);
    expect(print_config(load(printed)) == printed);
}
