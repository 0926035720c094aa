#include "notifier/sinks/password.hpp"

#include "common/config/file.hpp"
#include "common/io/log.hpp"
#include "common/io/private_files.hpp"
#include "notifier/sinks/sink.hpp"

namespace presence::notifier {

namespace {

constexpr std::size_t kPasswordBytesMax = 4 * 1024;

}  // namespace

std::string password_of(const std::string& file) {
    std::string text;
    try {
        text = contents_of(file, kPasswordBytesMax, FileKind::regular);
    } catch (const UnreadableFile& e) {
        throw SinkFailure("cannot read password_file " + file + ": " + e.what());
    }
    if (io::open_to_others(file))
        io::log::warn("secret_open_to_others",
                      {{"file", file}, {"mode", io::mode_of(file)}, {"advice", "chmod 600"}});
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.pop_back();
    if (text.empty()) throw SinkFailure("password_file " + file + " is empty");
    return text;
}

}  // namespace presence::notifier
