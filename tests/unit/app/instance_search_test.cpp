#include "app/instance_search.hpp"

#include "support/catch.hpp"

using namespace pgbosun::app;

TEST_CASE("an instance is reached by the name of its pod") {
    const InstanceSelector selector{"app=x", "https://{pod}.pods:8008", "host={pod}.pods application_name={pod}"};
    const auto found = addresses_of(selector, {"orders-0", "orders-1"});
    REQUIRE(found.size() == 2);
    CHECK(found[1].name == "orders-1");
    CHECK(found[1].url == "https://orders-1.pods:8008");
    CHECK(found[1].conninfo == "host=orders-1.pods application_name=orders-1");
}

TEST_CASE("a pod that comes is an instance more, and one that has gone stays one") {
    const InstanceSelector selector{"app=x", "http://{pod}", "host={pod}"};
    const auto known = addresses_of(selector, {"b", "c"});
    const auto all = joined(known, addresses_of(selector, {"a", "c"}));
    REQUIRE(all.size() == 3);
    CHECK(all[0].name == "a");
    CHECK(all[1].name == "b");
    CHECK(all[2].name == "c");
}
