#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

// A target is one function of any bytes. It ends the process where a promise is broken.
void fuzz(std::string_view bytes);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz({reinterpret_cast<const char*>(data), size});
    return 0;
}

inline void expect(bool holds) {
    if (!holds) std::abort();
}
