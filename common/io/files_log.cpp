#include "common/io/files_log.hpp"

#include <sys/eventfd.h>
#include <sys/resource.h>

#include <cerrno>

#include "common/io/fd.hpp"
#include "common/io/log.hpp"

namespace presence::io {

void FilesLog::look(Instant now) {
    const Fd probe(::eventfd(0, EFD_CLOEXEC));
    const bool used_up = !probe && (errno == EMFILE || errno == ENFILE);
    if (used_up) wanted_ = now;
    if (used_up == told_ || (told_ && now - wanted_ < kCalm)) return;
    told_ = used_up;
    if (!used_up) return log::warn("files_free");
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    log::warn("files_used_up", {{"max", limit.rlim_cur}});
}

}  // namespace presence::io
