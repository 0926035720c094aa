# Every outside library, found once. Debian 12 packages: script/bootstrap installs them.
find_package(Threads REQUIRED)
find_package(cppzmq REQUIRED)
find_package(msgpack REQUIRED)  # the target is msgpackc-cxx
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CURL 7.85 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)

# Debian builds it with Boost by default; we need none of it.
target_compile_definitions(msgpackc-cxx INTERFACE MSGPACK_NO_BOOST)

# sink_library(NAME PACKAGE VERSION): a library that one type of sink needs. It is built in where it is
# found; PRESENCE_NAME=ON insists on it, OFF leaves it out. Sets PRESENCE_HAS_NAME; the target is
# PkgConfig::PACKAGE.
function(sink_library name package version)
    set(PRESENCE_${name} AUTO CACHE STRING "Build the sink that needs ${package}: AUTO, ON or OFF")
    set(has OFF)
    if(PRESENCE_${name} STREQUAL "AUTO")
        pkg_check_modules(${package} IMPORTED_TARGET GLOBAL "${package}>=${version}")
    elseif(PRESENCE_${name})
        pkg_check_modules(${package} REQUIRED IMPORTED_TARGET GLOBAL "${package}>=${version}")
    endif()
    if(PRESENCE_${name} AND ${package}_FOUND)
        set(has ON)
    endif()
    set(PRESENCE_HAS_${name} ${has} PARENT_SCOPE)
endfunction()

sink_library(POSTGRES libpq 14)
sink_library(KAFKA rdkafka 2.0)
sink_library(NATS libnats 3.4)
