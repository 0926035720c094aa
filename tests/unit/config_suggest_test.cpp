#include <rapidcheck/catch.h>
#include <catch2/catch.hpp>

#include "common/config/suggest.hpp"

using namespace presence;

namespace {

// The definition itself, exponential: what the table must agree with on short words.
std::size_t edits_by_definition(std::string_view a, std::string_view b) {
    if (a.empty() || b.empty()) return std::max(a.size(), b.size());
    std::size_t best = edits_by_definition(a.substr(1), b.substr(1)) + (a[0] == b[0] ? 0 : 1);
    best = std::min(best, edits_by_definition(a.substr(1), b) + 1);
    best = std::min(best, edits_by_definition(a, b.substr(1)) + 1);
    if (a.size() > 1 && b.size() > 1 && a[0] == b[1] && a[1] == b[0])
        best = std::min(best, edits_by_definition(a.substr(2), b.substr(2)) + 1);
    return best;
}

}  // namespace

TEST_CASE("a slip of the keyboard finds the name that was meant", "[config][nearest]") {
    const std::vector<std::string_view> known{"timeout", "cluster", "users_max", "log_level"};
    CHECK(nearest("timeuot", known) == "timeout");
    CHECK(nearest("time_out", known) == "timeout");
    CHECK(nearest("usersmax", known) == "users_max");
    CHECK(nearest("loglevle", known) == "log_level");
    CHECK(nearest("colour", known).empty());
    CHECK(nearest("", known).empty());
    CHECK(nearest(std::string(10'000, 'x'), known).empty());
    CHECK(did_you_mean("timeuot", known) == "; did you mean `timeout`?");
    CHECK(did_you_mean("colour", known).empty());
}

TEST_CASE("of two names the nearer is proposed", "[config][nearest]") {
    CHECK(nearest("events_bnd", {"events", "events_bind"}) == "events_bind");
    CHECK(nearest("event", {"events", "events_bind"}) == "events");
}

TEST_CASE("a name is near exactly if few edits lie between", "[config][nearest]") {
    const auto word = rc::gen::container<std::string>(rc::gen::inRange('a', 'd'));
    rc::prop("agrees with the definition", [&word] {
        const std::string typed = (*word).substr(0, 6);
        const std::string known = (*word).substr(0, 6);
        const std::size_t edits = edits_by_definition(typed, known);
        const bool near =
            edits <= std::max<std::size_t>(2, typed.size() / 3) && edits < known.size();
        RC_ASSERT((nearest(typed, {known}) == known && !known.empty()) == near);
    });
}
