// What a sink's store is asked to survive.
#include "notifier/deliver/sink_store.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "common/io/temporary_directory.hpp"
#include "one_sink.hpp"
#include "tests/support/test_disk.hpp"

using namespace presence;
using namespace presence::notifier;

TEST_CASE("with durability power a sink goes on where it was after a loss of power",
          "[notifier][keeper]") {
    const io::TemporaryDirectory directory;
    test::TestDisk disk;
    io::Store::Options options;
    options.directory = directory.path;
    options.owner = "sink s of notifier n";
    options.vfs = disk.name();
    options.durability = io::Store::Durability::power;

    testing::OneSink sink({"alice", "bob"});
    {
        SinkStore keeper(options, *sink.delivery);
        CHECK(keeper.begins());
        sink.say(true, "alice");
        sink.batch();
        while (const auto job = sink.next()) {
            if (job->keep) keeper.before(*job->keep);
            keeper.after(job->facts);
            sink.done(*job);
        }
        disk.kill_after(0);
    }
    std::mt19937_64 random(1);
    disk.restart_without_power(false, random);

    sink.start();
    const SinkStore keeper(options, *sink.delivery);
    CHECK_FALSE(keeper.begins());
    sink.say(true, "bob");
    sink.batch();
    const auto told = sink.told();
    REQUIRE(told.size() == 1);
    CHECK(told[0].user == "bob");
}
