#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>

// No file can be opened while it lives, whatever others close: below are the standard ones alone.
class NoFiles {
public:
    NoFiles() {
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const rlimit few{STDERR_FILENO + 1, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    }
    ~NoFiles() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    NoFiles(const NoFiles&) = delete;
    NoFiles& operator=(const NoFiles&) = delete;

private:
    rlimit before_{};
};
