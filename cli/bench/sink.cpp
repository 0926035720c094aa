#include "cli/bench/sink.hpp"

#include <algorithm>
#include <vector>

namespace presence::cli {

std::uint64_t BenchSink::lines() {
    if (!in_.is_open()) in_.open(path_, std::ios::binary);
    if (!in_.is_open()) return 0;  // not made yet
    std::vector<char> block(1 << 20);
    do {
        in_.clear();
        in_.read(block.data(), static_cast<std::streamsize>(block.size()));
        lines_ += static_cast<std::uint64_t>(
            std::count(block.begin(), block.begin() + in_.gcount(), '\n'));
    } while (in_.gcount() > 0);
    return lines_;
}

}  // namespace presence::cli
