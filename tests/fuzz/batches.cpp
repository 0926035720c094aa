// What followers read: batches and ticks.
#include "common/wire/batch.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace presence;

void fuzz(std::string_view bytes) {
    if (const auto batch = decode_batch(bytes)) {
        const auto again = decode_batch(encode_batch(*batch));
        expect(again && again->number == batch->number &&
               again->slots.size() == batch->slots.size());
        for (const auto& slot : batch->slots)
            for (const auto& event : slot.events)
                expect(!to_json(event).empty());
    }
    if (const auto tick = decode_tick(bytes)) expect(decode_tick(encode_tick(*tick)).has_value());
}
