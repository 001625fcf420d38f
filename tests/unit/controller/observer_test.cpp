#include "controller/observer.hpp"

#include "world.hpp"

using namespace pgbosun;
using namespace pgbosun::test;
using namespace std::chrono_literals;

TEST_CASE("an event alone brings a new look, long before one is due, and so does the end of the stream") {
    World world;
    FakeAgent& agent = world.agents["pg-1"];
    std::vector<controller::Heard> heard;
    controller::Observer observer(world.loop, world.clock, std::make_unique<FakeAgentLink>(agent), 1h,
                                  [&](const controller::Heard& it) { heard.push_back(it); });
    observer.begin();
    world.until([&] { return heard.size() == 1; });
    CHECK_FALSE(heard.back().status->fenced);

    // Its stream may not have begun yet.
    agent.fence();
    world.until([&] {
        agent.tell();
        return heard.back().status->fenced.has_value();
    });

    agent.die();
    world.until([&] { return !heard.back().status; });
}
