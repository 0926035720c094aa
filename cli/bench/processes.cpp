#include "cli/bench/processes.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <zmq.hpp>

namespace presence::cli {

ProcessUse use_of(const BenchProcess& process) {
    ProcessUse use;
    const std::string directory = "/proc/" + std::to_string(process.pid);
    std::string stat;
    std::getline(std::ifstream(directory + "/stat"), stat);
    // The name in brackets may hold anything; of what follows, fields 12 and 13 are the times.
    std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
    std::string field;
    for (int i = 1; i <= 13 && fields >> field; ++i)
        if (i >= 12)
            use.cpu_seconds += std::stod(field) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    double total = 0;
    double resident = 0;
    std::ifstream(directory + "/statm") >> total >> resident;
    use.resident_bytes = resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
    return use;
}

std::vector<BenchProcess> parse_processes(const std::string& text) {
    std::vector<BenchProcess> all;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ',');) {
        const auto equals = part.find('=');
        const auto digits = equals == std::string::npos ? "" : part.substr(equals + 1);
        if (digits.empty() || digits.size() > 9 ||
            digits.find_first_not_of("0123456789") != std::string::npos ||
            part.find_first_of("\"\\\n") != std::string::npos)
            throw std::runtime_error("--pids `" + part + "`: expected NAME=PID");
        all.push_back({part.substr(0, equals), std::stoi(digits)});
    }
    return all;
}

std::vector<std::string> free_endpoints(std::size_t count) {
    zmq::context_t context;
    std::vector<zmq::socket_t> held;  // all at once, so that none is given twice
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) {
        held.emplace_back(context, zmq::socket_type::pull);
        held.back().bind("tcp://127.0.0.1:*");
        all.push_back(held.back().get(zmq::sockopt::last_endpoint));
    }
    return all;
}

}  // namespace presence::cli
