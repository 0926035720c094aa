#include "common/config/lateness.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

using namespace presence;

TEST_CASE("the documentation shows the bounds of lateness as the code has them",
          "[config][lateness]") {
    std::ifstream file(PRESENCE_DOCS "/configuration.md");
    std::stringstream text;
    text << file.rdbuf();
    std::string table = "| what happens | at most | default |\n|---|---|---|\n";
    for (const auto& late : late_bounds({}))
        table += "| " + late.when + " | " + late.bound + " | " + late.value + " |\n";
    INFO("the table is to be:\n" << table);
    CHECK(text.str().find("\n\n" + table + "\n") != std::string::npos);
}

TEST_CASE("bounds of lateness are printed with the values in effect", "[config][lateness]") {
    Config config;
    config.presence.timeout = 20s;
    config.presence.collector_grace = 7s;
    config.presence.freeze_max = 100s;
    config.presence.edge_timeout = 2s;
    config.presence.edge_grace = 9s;
    config.presence.edge_lost_rate = 1'000;
    const auto text = print_config(config);
    for (const auto* line :
         {"a collector or a tracker restarts: 21s + the restart (timeout + 1s + the restart)",
          "a collector vanishes or is cut off: 27s (collector_grace + timeout)",
          "one that was cut off is back: 33s (timeout + 13s, from then)",
          "an edge is cut off, and back within that: 11s",
          "an edge dies, or is back later: 11500ms + 1000s for each million users",
          "whatever collectors, edges and lists of trackers do: 220s + 1000s for each million of "
          "these (2 * freeze_max + timeout + users of lost edges / edge_lost_rate)"})
        CHECK_THAT(text, Catch::Contains("#   " + std::string(line)));
}
