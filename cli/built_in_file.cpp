#include "cli/built_in_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace presence::cli {

std::string built_in_file(const Config& config) {
    const std::string text = print_config(config);
    const int fd = ::memfd_create("presence-built-in", MFD_CLOEXEC);
    if (fd < 0 || ::write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        throw std::system_error(errno, std::generic_category(), "cannot write a configuration");
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd);
}

}  // namespace presence::cli
