#include "common/io/output.hpp"

#include <unistd.h>

#include <cerrno>
#include <iostream>

#include "common/io/program.hpp"

namespace presence::io {

Output::Output() : before_(std::cout.rdbuf(this)) {
    setp(bytes_.data(), bytes_.data() + bytes_.size());
    std::cout.exceptions(std::ios::badbit);  // hands on what a buffer throws
}

Output::~Output() {
    std::cout.exceptions(std::ios::goodbit);
    std::cout.flush();
    std::cout.rdbuf(before_);
}

Output::int_type Output::overflow(int_type character) {
    sync();
    if (traits_type::eq_int_type(character, traits_type::eof())) return 0;
    return sputc(traits_type::to_char_type(character));
}

int Output::sync() {
    const char* at = pbase();
    const char* const end = pptr();
    // Written or not, it is gone: what follows on a part of it says nothing.
    setp(bytes_.data(), bytes_.data() + bytes_.size());
    while (at < end) {
        const auto n = ::write(STDOUT_FILENO, at, static_cast<std::size_t>(end - at));
        if (n < 0 && errno != EINTR) throw OutputError(errno);
        if (n > 0) at += n;
    }
    return 0;
}

}  // namespace presence::io
