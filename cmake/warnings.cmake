# presence_warnings: linked by every target of this project, so a flag is set in one place.
add_library(presence_warnings INTERFACE)
target_compile_features(presence_warnings INTERFACE cxx_std_20)
target_compile_options(presence_warnings INTERFACE -Wall -Wextra -Wconversion -Wshadow)

option(PRESENCE_WERROR "Treat warnings as errors" OFF)
if(PRESENCE_WERROR)
    target_compile_options(presence_warnings INTERFACE -Werror)
endif()

set(PRESENCE_SANITIZE "" CACHE STRING "Comma separated list for -fsanitize=")
if(PRESENCE_SANITIZE)
    target_compile_options(presence_warnings INTERFACE -fsanitize=${PRESENCE_SANITIZE} -fno-omit-frame-pointer)
    # Else undefined behaviour is printed, and the test that met it passes. The check of vptr opens a pipe, and
    # errs where a test lets no file be opened: it prints only.
    if(PRESENCE_SANITIZE MATCHES "undefined")
        target_compile_options(presence_warnings INTERFACE -fno-sanitize-recover=undefined -fsanitize-recover=vptr)
    endif()
    # What a sanitizer inserts hides from g++ 12 that a std::optional was looked into before.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_compile_options(presence_warnings INTERFACE -Wno-maybe-uninitialized)
    endif()
    target_link_options(presence_warnings INTERFACE -fsanitize=${PRESENCE_SANITIZE})
endif()
