#pragma once

#include <array>
#include <streambuf>

namespace presence::io {

// std::cout while it lives, for one thing: a write that fails throws OutputError with the reason,
// wherever that is. The standard library's own buffer forgets it.
class Output : public std::streambuf {
public:
    Output();
    // Writes what is left, if it can.
    ~Output() override;
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

private:
    int_type overflow(int_type character) override;
    int sync() override;

    std::streambuf* before_;
    std::array<char, 64 * 1024> bytes_;
};

}  // namespace presence::io
