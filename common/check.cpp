#include "common/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace presence::detail {

void check_failed(const char* condition, const char* message, const char* file, int line) {
    std::fprintf(stderr, "event=invariant_broken at=%s:%d condition=\"%s\" message=\"%s\"\n", file,
                 line, condition, message);
    std::abort();
}

}  // namespace presence::detail
