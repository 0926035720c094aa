// Questions to a tracker, and its answers as a follower reads them.
#include "common/wire/query.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace presence;

void fuzz(std::string_view bytes) {
    const auto query = decode_query(bytes);
    if (const auto* const good = std::get_if<Query>(&query))
        expect(std::holds_alternative<Query>(decode_query(encode_query(*good))));
    if (const auto answer = decode_answer(bytes))
        expect(decode_answer(encode_answer(*answer)).has_value());
}
