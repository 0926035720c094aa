#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/check.hpp"
#include "tests/simulation/world.hpp"

namespace {

using namespace presence::simulation;

constexpr std::string_view kUsage =
    "presence-simulation --seeds FIRST..LAST [--complete]\n"
    "presence-simulation --seed N [--trace [--user ID]]\n"
    "  --complete  fail unless every fault met every place it can meet\n"
    "  --trace     print what happens, in true time; with --user only what concerns that user\n"
    "  --break     break an invariant on purpose, to see the seed named\n";

struct Arguments {
    std::uint64_t first = 0;
    std::uint64_t last = 99;
    bool complete = false;
    bool trace = false;
    bool broken = false;
    std::string user;
};

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<Arguments> parse(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view flag = argv[i];
        const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
        if (flag == "--complete") {
            arguments.complete = true;
        } else if (flag == "--trace") {
            arguments.trace = true;
        } else if (flag == "--break") {
            arguments.broken = true;
        } else if (flag == "--user") {
            arguments.user = value;
            ++i;
        } else if (flag == "--seed" || flag == "--seeds") {
            const auto dots = value.find("..");
            const auto first = number(value.substr(0, dots));
            const auto last = dots == value.npos ? first : number(value.substr(dots + 2));
            if (!first || !last || *first > *last) return std::nullopt;
            arguments.first = *first;
            arguments.last = *last;
            ++i;
        } else {
            return std::nullopt;
        }
    }
    return arguments;
}

// What all worlds came to. A world is one thread's own; only this is shared.
struct Sum {
    Coverage coverage;
    Judged judged;
    std::uint64_t failed = 0;
    double virtual_seconds = 0;
    std::mutex mutex;
};

// A core that breaks an invariant aborts in the thread of its world; only here is its seed known.
thread_local std::array<char, 128> last_words{};
thread_local std::size_t last_words_bytes = 0;

void on_fatal_signal(int) {
    [[maybe_unused]] const auto told = ::write(STDERR_FILENO, last_words.data(), last_words_bytes);
}

void name_seed_on_fatal_signals() {
    struct sigaction action {};
    action.sa_handler = on_fatal_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL})
        ::sigaction(signal, &action, nullptr);
}

void run_seed(std::uint64_t seed, const Arguments& arguments, Sum& sum) {
    const auto length =
        std::snprintf(last_words.data(), last_words.size(),
                      "seed %llu died\n  again: presence-simulation --seed %llu "
                      "--trace\n",
                      static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
    last_words_bytes = static_cast<std::size_t>(length);
    PRESENCE_CHECK(!arguments.broken, "broken on purpose");
    World world(seed, Trace(arguments.trace, arguments.user));
    const auto failure = world.run();
    const std::lock_guard lock(sum.mutex);
    sum.coverage.add(world.coverage());
    sum.judged.add(world.judged());
    sum.virtual_seconds += static_cast<double>(world.virtual_time()) / 1e6;
    if (failure.empty()) return;
    ++sum.failed;
    std::printf("seed %llu at %.6f s: %s\n  again: presence-simulation --seed %llu --trace\n",
                static_cast<unsigned long long>(seed),
                static_cast<double>(world.virtual_time()) / 1e6, failure.c_str(),
                static_cast<unsigned long long>(seed));
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const auto arguments = parse(argc, argv);
    if (!arguments) {
        std::fputs(kUsage.data(), stderr);
        return 64;
    }
    name_seed_on_fatal_signals();
    Sum sum;
    std::vector<std::thread> workers;
    std::atomic<std::uint64_t> next{arguments->first};
    const auto jobs = arguments->trace ? 1u : std::max(1u, std::thread::hardware_concurrency());
    for (unsigned job = 0; job < jobs; ++job)
        workers.emplace_back([&] {
            for (auto seed = next++; seed <= arguments->last; seed = next++)
                run_seed(seed, *arguments, sum);
        });
    for (auto& worker : workers)
        worker.join();
    const auto& [coverage, judged, failed, virtual_seconds, mutex] = sum;
    std::printf("\n%s\n", coverage.table().c_str());
    std::printf("%llu seeds, %.0f virtual seconds, %llu failed\n%s",
                static_cast<unsigned long long>(arguments->last - arguments->first + 1),
                virtual_seconds, static_cast<unsigned long long>(failed), judged.table().c_str());
    const auto empty = coverage.empty_cells();
    if (arguments->complete && empty > 0)
        std::printf("%zu faults never met a place they can meet\n", empty);
    return failed > 0 || (arguments->complete && empty > 0) ? 1 : 0;
}
