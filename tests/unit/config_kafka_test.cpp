#include <catch2/catch.hpp>

#include "common/config/built_in.hpp"
#include "common/config/read.hpp"

using namespace presence;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

// Of a sink whose type is in line 2 and whose other lines are these.
std::string complaint(const std::string& lines) {
    try {
        ConfigOrigin origin{"f", {}};
        Config config =
            read_config(parse_toml("[[sink]]\ntype = \"kafka\"\n" + lines, "f"), origin);
        complete_config(config, origin);
        check_config(config, origin);
    } catch (const ConfigError& e) {
        return e.what();
    }
    return "accepted";
}

std::string with_brokers(const std::string& brokers) {
    return complaint("brokers = \"" + brokers + "\"\n");
}

}  // namespace

TEST_CASE("a kafka sink needs brokers and a topic", "[config][kafka]") {
    if (!is_built_in(SinkType::kafka)) return;
    CHECK(complaint("") == "f:1: the sink `kafka` needs `brokers`: HOST:PORT,HOST:PORT");
    for (const char* brokers : {"k1", "k1:9092", "k1:9092,10.0.0.1:9093,[::1]:9094"})
        CHECK(with_brokers(brokers) == "accepted");
    for (const char* brokers : {"k1:", "k1:x", "k1,", ",k1", "k1 k2", "k1:9092;k2", "k1/x"})
        CHECK_THAT(with_brokers(brokers), StartsWith("f:3: `brokers`: they are HOST:PORT"));
    CHECK_THAT(with_brokers("ssl://k1:9092"), Contains("security.protocol"));
    CHECK_THAT(with_brokers("user:MfKQ9@k1"), Contains("settings_file") && !Contains("MfKQ9"));
    const std::string brokers = "brokers = \"k1\"\n";
    CHECK(complaint(brokers + "topic = \"a.b_C-9\"\nsettings_file = \"x\"\n") == "accepted");
    for (const std::string& topic : {std::string("."), std::string(".."), std::string("a b"),
                                     std::string("a/b"), std::string(250, 'a')})
        CHECK_THAT(complaint(brokers + "topic = \"" + topic + "\"\n"),
                   StartsWith("f:4: `topic` is"));
    CHECK_THAT(complaint(brokers + "url = \"x\"\n"), Contains("for a sink of type"));
    CHECK_THAT(complaint(brokers + "password = \"x\"\n"), Contains("for a sink of type"));
}
