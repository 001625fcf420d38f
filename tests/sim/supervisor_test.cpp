#include <cstdlib>

#include "simulated_world.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"

namespace {

// PGBOSUN_SIMULATIONS: how many schedules; the default is for every run of the tests.
int schedules() {
    const char* given = std::getenv("PGBOSUN_SIMULATIONS");
    return given == nullptr ? 2000 : std::atoi(given);
}

}  // namespace

TEST_CASE("whatever happens to it in whatever order, the instance keeps its rules and comes to rest") {
    const auto first = pgbosun::test::seed();
    for (int schedule = 0; schedule < schedules(); ++schedule) {
        const auto seed = first + static_cast<std::uint64_t>(schedule);
        pgbosun::test::SimulatedWorld world(seed);

        world.run(200);

        if (world.violations().empty()) continue;
        INFO("seed " << seed);
        for (const auto& rule : world.violations()) UNSCOPED_INFO(rule);
        const auto& history = world.history();
        for (std::size_t line = history.size() > 40 ? history.size() - 40 : 0; line < history.size(); ++line) {
            UNSCOPED_INFO(history[line]);
        }
        FAIL("PGBOSUN_TEST_SEED=" << seed << " PGBOSUN_SIMULATIONS=1 shows it again");
    }
}
