#include "notifier/sinks/exec/child_record.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "common/io/private_files.hpp"
#include "common/io/spawn.hpp"
#include "common/store/store.hpp"

namespace presence::notifier {

namespace {

// "<start, in ticks since boot> <the machine's boot>"; empty: there is no such process.
std::string identity_of(pid_t pid) {
    std::string stat;
    std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), stat);
    const auto name_end = stat.rfind(')');  // the name may hold anything
    if (name_end == std::string::npos) return {};
    std::istringstream fields(stat.substr(name_end + 1));
    std::string start;
    for (int field = 3; field <= 22; ++field)  // proc(5) counts from 1; 22 is starttime
        if (!(fields >> start)) return {};
    std::string boot;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
    return start + ' ' + boot;
}

}  // namespace

void ChildRecord::write(pid_t child) const {
    const auto line = std::to_string(child) + ' ' + identity_of(child) + '\n';
    const auto file = io::open_private(file_, O_WRONLY | O_TRUNC);
    if (!file || ::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        throw io::StoreError("cannot write " + file_.string());
}

std::optional<ChildRecord::Living> ChildRecord::living() const {
    std::ifstream in(file_);
    Living found;
    std::string identity;
    if (!(in >> found.pid >> std::ws) || found.pid <= 0 || !std::getline(in, identity)) return {};
    // Held first: then what is looked at cannot become another process.
    found.process.reset(io::watch_end_of(found.pid));
    if (!found.process || identity.empty() || identity != identity_of(found.pid)) return {};
    return found;
}

}  // namespace presence::notifier
