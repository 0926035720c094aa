#include "common/config/built_in.hpp"

#include <cstddef>

namespace presence {

bool is_built_in(SinkType type) {
    switch (type) {
        case SinkType::unset:
            return false;
        case SinkType::postgres:
            return PRESENCE_HAS_POSTGRES;
        case SinkType::kafka:
            return PRESENCE_HAS_KAFKA;
        case SinkType::nats:
            return PRESENCE_HAS_NATS;
        case SinkType::standard_output:
        case SinkType::jsonl:
        case SinkType::exec:
        case SinkType::webhook:
        case SinkType::redis:
            break;
    }
    return true;
}

std::vector<std::string_view> sinks_built_in() {
    std::vector<std::string_view> words;
    for (std::size_t type = 0; type < kWords<SinkType>.size(); ++type)
        if (is_built_in(static_cast<SinkType>(type))) words.push_back(kWords<SinkType>[type]);
    return words;
}

}  // namespace presence
