#include "common/config/schema.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace presence;

TEST_CASE("every setting takes the default that it has", "[config][schema]") {
    Config config;
    for (const auto& kind : schema()) {
        void* table = kind.add(config);
        std::set<std::string_view> keys;
        for (const auto& setting : kind.settings) {
            INFO(kind.name << " " << setting.key);
            CHECK(keys.insert(setting.key).second);
            CHECK(find_setting(kind, setting.key) == &setting);
            CHECK_FALSE(setting.help.empty());
            if (setting.at == nullptr) continue;
            const auto text = text_of(setting, table);
            if (kind.list && text.empty()) continue;
            CHECK(set_from_text(setting, text, table).empty());
            const auto place = setting.at(table);
            if (!std::holds_alternative<std::vector<std::string>*>(place))
                CHECK(text_of(setting, table) == text);
        }
    }
}

TEST_CASE("a setting that is one of few words takes each of them and no other",
          "[config][schema]") {
    SinkConfig sink;
    const auto* type = find_setting(*find_table("sink"), "type");
    REQUIRE(type != nullptr);
    for (const auto word : kWords<SinkType>)
        CHECK(set_from_text(*type, word, &sink).empty() != word.empty());
    CHECK(sink.type == SinkType::nats);
    CHECK(set_from_text(*type, "jsnol", &sink) ==
          "must be one of stdout, jsonl, exec, webhook, redis, postgres, kafka, nats");
    CHECK(text_of(*type, &sink) == "nats");
    CHECK(toml_of(*type, &sink) == "\"nats\"");
}

TEST_CASE("of a sink only what its type has is printed", "[config][schema]") {
    SinkConfig sink;
    const auto keys = [&](SinkType type) {
        sink.type = type;
        std::set<std::string_view> out;
        for (const auto* setting : find_table("sink")->printed(&sink))
            out.insert(setting->key);
        return out;
    };
    CHECK(keys(SinkType::standard_output) ==
          std::set<std::string_view>{"type", "format", "delay", "mode", "queue_max"});
    CHECK(keys(SinkType::exec).count("timeout") == 0);
    sink.acknowledge = true;
    CHECK(keys(SinkType::exec).count("timeout") == 1);
    CHECK(keys(SinkType::webhook).count("acknowledge") == 0);
}
