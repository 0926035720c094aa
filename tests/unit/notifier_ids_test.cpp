#include "tracker/stream/notifier_ids.hpp"

#include <catch2/catch.hpp>

using namespace presence;
using presence::tracker::NotifierIds;

namespace {

Instant at(Duration d) {
    return Instant{1'000s + d};
}

std::string shown(const NotifierIds& ids) {
    std::string text;
    ids.each_shared([&](const auto& id, const auto& from, const auto& topics) {
        text += id + ":";
        for (std::size_t n = 0; n < from.size(); ++n)
            text += " " + from[n] + " " + topics[n];
        text += ";";
    });
    return text;
}

}  // namespace

TEST_CASE("two notifiers of one id are noticed once both have been there for long",
          "[tracker][identity]") {
    NotifierIds ids;
    ids.on_subscription(topic_of_notifier("n1", 7), true, "10.0.0.1");
    ids.on_subscription(topic_of_notifier("n2", 7), true, "10.0.0.2");
    ids.on_subscription("batch", true, "10.0.0.2");
    ids.turn(at(0s));
    ids.on_subscription(topic_of_notifier("n1", 8), true, "10.0.0.3");
    ids.turn(at(100s));
    CHECK(shown(ids).empty());  // the first may be gone with its machine
    ids.turn(at(100s) + NotifierIds::kLinger - 1us);
    CHECK(shown(ids).empty());
    ids.turn(at(100s) + NotifierIds::kLinger);
    CHECK(shown(ids) == "n1: 10.0.0.1 notifier/n1/7 10.0.0.3 notifier/n1/8;");
    ids.on_subscription(topic_of_notifier("n1", 7), false, "10.0.0.1");
    CHECK(shown(ids).empty());
}

TEST_CASE("what is no notifier's topic is none, and no more are known than may be",
          "[tracker][identity]") {
    NotifierIds ids;
    for (const auto* topic : {"notifier/", "notifier//7", "notifier/n1", "user/notifier/n1/7"})
        for (const auto* more : {"", "x"})
            ids.on_subscription(std::string(topic) + more, true, "");
    ids.on_subscription(topic_of_notifier(std::string(65, 'n'), 1), true, "");
    for (std::size_t n = 0; n < NotifierIds::kNotifiersMax; ++n)
        ids.on_subscription(topic_of_notifier("n1", n), true, "");
    ids.on_subscription(topic_of_notifier("late", 1), true, "");
    ids.on_subscription(topic_of_notifier("late", 2), true, "");
    ids.turn(at(0s));
    ids.turn(at(60s));
    std::size_t shared = 0;
    ids.each_shared([&](const auto& id, const auto& from, const auto&) {
        CHECK(id == "n1");
        shared += from.size();
    });
    CHECK(shared == NotifierIds::kNotifiersMax);
}
