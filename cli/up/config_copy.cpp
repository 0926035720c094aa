#include "cli/up/config_copy.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace presence::cli {
namespace {

io::Fd file_of(const Config& config) {
    const std::string text = print_config(config);
    io::Fd file(::memfd_create("presence-config", MFD_CLOEXEC));
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::system_error(errno, std::generic_category(), "cannot copy a configuration");
    return file;
}

}  // namespace

ConfigCopy::ConfigCopy(const Config& config) : file_(file_of(config)) {}

void ConfigCopy::replace(const Config& config) {
    if (::dup3(file_of(config).get(), file_.get(), O_CLOEXEC) < 0)
        throw std::system_error(errno, std::generic_category(), "cannot copy a configuration");
}

std::string ConfigCopy::path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file_.get());
}

}  // namespace presence::cli
