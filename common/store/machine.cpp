#include "common/store/machine.hpp"

#include <fstream>
#include <string>

#include "common/store/checksum.hpp"

namespace presence::io {

std::uint64_t machine_boot() {
    std::string id;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
    return sum_of_facts(id);
}

}  // namespace presence::io
