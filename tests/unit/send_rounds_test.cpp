#include "notifier/sinks/send_rounds.hpp"

#include <rapidcheck/catch.h>
#include <algorithm>
#include <catch2/catch.hpp>

using namespace presence;
using namespace presence::notifier;
using Item = Report::Item;
using Items = std::vector<std::size_t>;

namespace {

std::vector<Event> batch_of(const std::string& users) {
    std::vector<Event> batch;
    for (const char user : users)
        batch.emplace_back().user = user;
    return batch;
}

}  // namespace

TEST_CASE("a round has one event of each user, the next one comes behind it",
          "[notifier][rounds]") {
    SendRounds rounds(batch_of("abacab"));
    CHECK(rounds.next() == Items{0, 1, 3});
    for (const auto item : {3, 1, 0})
        rounds.settle(static_cast<std::size_t>(item), Item::done);
    CHECK(rounds.next() == Items{2, 5});
    rounds.settle(5, Item::done);
    rounds.settle(2, Item::done);
    CHECK(rounds.next() == Items{4});
    rounds.settle(4, Item::done);
    CHECK(rounds.next().empty());
    CHECK(std::move(rounds).report({}).items == std::vector(6, Item::done));
}

TEST_CASE(
    "nothing goes behind an event that failed, and something behind one that never will be "
    "taken",
    "[notifier][rounds]") {
    SendRounds rounds(batch_of("abab"));
    CHECK(rounds.next() == Items{0, 1});
    rounds.settle(0, Item::never);
    rounds.settle(1, Item::again);
    CHECK(rounds.next() == Items{2});
    rounds.repeat(2);
    CHECK(rounds.next() == Items{2});
    rounds.settle(2, Item::done);
    CHECK(rounds.next().empty());
    CHECK(std::move(rounds).report({}).items ==
          std::vector{Item::never, Item::again, Item::done, Item::again});
}

TEST_CASE("whatever fails, what was taken of a user is what came first", "[notifier][rounds]") {
    rc::prop("in order of each user", [] {
        const auto users = *rc::gen::container<std::string>(rc::gen::inRange('a', 'e'));
        SendRounds rounds(batch_of(users));
        std::map<char, std::size_t> last;  // sent, of the user
        for (auto round = rounds.next(); !round.empty(); round = rounds.next()) {
            std::set<char> in_round;
            for (const auto item : round) {
                RC_ASSERT(in_round.insert(users[item]).second);
                RC_ASSERT(last.count(users[item]) == 0 || last[users[item]] < item);
                last[users[item]] = item;
                if (*rc::gen::inRange(0, 5) > 0) rounds.settle(item, Item::done);
            }
        }
        const auto items = std::move(rounds).report({}).items;
        std::set<char> failed;
        for (std::size_t item = 0; item < users.size(); ++item) {
            if (items[item] != Item::done) failed.insert(users[item]);
            RC_ASSERT((items[item] == Item::done) == (failed.count(users[item]) == 0));
        }
    });
}
