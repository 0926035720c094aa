#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <type_traits>

// For all that follows: woven text is written for nobody.
#pragma GCC diagnostic ignored "-Wparentheses"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wuseless-cast"
#pragma GCC diagnostic ignored "-Wcomment"
#pragma GCC diagnostic ignored "-Wdangling-else"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wreturn-type"
#pragma GCC diagnostic ignored "-Wextra-semi"
#pragma GCC diagnostic ignored "-Wmisleading-indentation"
#pragma GCC diagnostic ignored "-Wshadow"

// All mutants of a file are woven into it at once, each behind its number; PRESENCE_MUTANT says
// which one is on. So a program is built once for hundreds of them. script/mutate weaves this in.
namespace presence::mutation {

constexpr int kNumbersMax = 1 << 16;

inline int number() {
    const char* text = std::getenv("PRESENCE_MUTANT");
    return text ? std::atoi(text) : 0;
}
inline const int chosen = number();

// A byte for each mutant, set when it is passed; in a file, if PRESENCE_REACHED names one, as tests
// fork and children end in any way.
inline char* reached_bytes() {
    static char nowhere[kNumbersMax];
    const char* path = std::getenv("PRESENCE_REACHED");
    const int file = path ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return nowhere;
    void* bytes = ::mmap(nullptr, kNumbersMax, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    return bytes == MAP_FAILED ? nowhere : static_cast<char*>(bytes);
}
inline char* const reached = reached_bytes();

constexpr bool on(int mutant) {
    if (std::is_constant_evaluated()) return false;
    reached[mutant] = 1;
    return mutant == chosen;
}

// A change that does not compile for these types is no mutant.
constexpr int kNoMutant = 99;

// `a < Less<7>{} < b` is `a < b`, and `a <= b` while mutant 7 is on: of the same precedence, and
// without a second look at either side.
#define PRESENCE_OPERATOR(Name, OP, OTHER)                                                        \
    template <int N>                                                                              \
    struct Name {};                                                                               \
    template <int N, class A>                                                                     \
    struct Name##Half {                                                                           \
        const A& a;                                                                               \
        template <class B>                                                                        \
        friend constexpr auto operator OP(Name##Half half, const B& b) -> decltype(half.a OP b) { \
            if constexpr (requires { half.a OTHER b; }) {                                         \
                if (on(N)) return half.a OTHER b;                                                 \
            } else if (on(N)) {                                                                   \
                ::_exit(kNoMutant);                                                               \
            }                                                                                     \
            return half.a OP b;                                                                   \
        }                                                                                         \
    };                                                                                            \
    template <int N, class A>                                                                     \
    constexpr Name##Half<N, A> operator OP(const A& a, Name<N>) {                                 \
        return {a};                                                                               \
    }
PRESENCE_OPERATOR(Less, <, <=)
PRESENCE_OPERATOR(LessEqual, <=, <)
PRESENCE_OPERATOR(Greater, >, >=)
PRESENCE_OPERATOR(GreaterEqual, >=, >)
PRESENCE_OPERATOR(Equal, ==, !=)
PRESENCE_OPERATOR(NotEqual, !=, ==)
PRESENCE_OPERATOR(Plus, +, -)
PRESENCE_OPERATOR(Minus, -, +)
#undef PRESENCE_OPERATOR

template <int N, bool kMax, class T = void>
struct Extreme {
    template <class A>
    constexpr A operator()(const A& a, const A& b) const {
        return (kMax != on(N)) ? std::max(a, b) : std::min(a, b);
    }
    template <class A>
    constexpr A operator()(std::initializer_list<A> all) const {
        return (kMax != on(N)) ? std::max(all) : std::min(all);
    }
};
template <int N, bool kMax, class T>
requires(!std::is_void_v<T>) struct Extreme<N, kMax, T> {
    constexpr T operator()(const T& a, const T& b) const {
        return (kMax != on(N)) ? std::max(a, b) : std::min(a, b);
    }
    constexpr T operator()(std::initializer_list<T> all) const {
        return (kMax != on(N)) ? std::max(all) : std::min(all);
    }
};

}  // namespace presence::mutation
