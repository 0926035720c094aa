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
