#include <catch2/catch.hpp>

#include "notifier/sinks/webhook/webhook.hpp"

using namespace presence::notifier;

TEST_CASE("an answer tells whose fault it is", "[notifier][webhook]") {
    for (const long status : {400L, 413L, 422L})
        CHECK(fault_of_status(status) == Fault::event);
    for (const long status : {301L, 401L, 403L, 404L, 408L, 410L, 429L, 502L, 503L, 504L})
        CHECK(fault_of_status(status) == Fault::place);
    for (const long status : {405L, 409L, 418L, 500L, 501L, 599L})
        CHECK(fault_of_status(status) == Fault::unclear);
}
