#include "common/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace presence::detail {

void (*tell_broken)(const char*, const char*, const char*, int) = nullptr;

void check_failed(const char* condition, const char* message, const char* file, int line) {
    if (tell_broken != nullptr)
        tell_broken(condition, message, file, line);
    else
        std::fprintf(stderr, "event=invariant_broken at=%s:%d condition=\"%s\" message=\"%s\"\n",
                     file, line, condition, message);
    std::abort();
}

}  // namespace presence::detail
