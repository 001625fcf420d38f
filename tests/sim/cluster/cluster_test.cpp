#include <cstdlib>

#include "kept_schedules.hpp"
#include "shrink.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"
#include "theme.hpp"

using namespace pgbosun::sim;

namespace {

// PGBOSUN_SIMULATIONS: how many schedules; the default is for every run of the tests.
int schedules(int by_default) {
    const char* given = std::getenv("PGBOSUN_SIMULATIONS");
    return given == nullptr ? by_default : std::atoi(given);
}

void fail_with(const Schedule& schedule, Sabotage sabotage) {
    const auto shortest = shrink(schedule, sabotage);
    UNSCOPED_INFO(to_text(shortest));
    for (const auto& line : story(shortest, sabotage, 60)) UNSCOPED_INFO(line);
    FAIL("PGBOSUN_TEST_SEED=" << schedule.setting.seed << " PGBOSUN_SIMULATIONS=1 shows it again; above it is the"
                              << " shortest schedule that does, for tests/sim/cluster/kept_schedules.cpp");
}

Schedule schedule_for(Sabotage sabotage, std::uint64_t seed) {
    if (auto themed = draw_for(sabotage, seed)) return *themed;
    return draw(seed);
}

// The seed that is known to show it, else the first that does.
std::optional<std::uint64_t> seed_that_shows(Sabotage sabotage) {
    constexpr std::uint64_t most_tried = 40000;
    const auto known = known_seed(sabotage);
    if (violation_of(schedule_for(sabotage, known), sabotage)) return known;
    for (std::uint64_t seed = 1; seed <= most_tried; ++seed) {
        if (violation_of(schedule_for(sabotage, seed), sabotage)) return seed;
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("whatever fails in a cluster, it has one primary, which has all that was acknowledged, and soon again") {
    const auto first = pgbosun::test::seed();
    int changes = 0;
    std::uint64_t acknowledged = 0;
    const int count = schedules(10'000);
    for (int index = 0; index < count; ++index) {
        const auto schedule = draw(first + static_cast<std::uint64_t>(index));
        World world(schedule, Sabotage::none, false);
        world.run();
        changes += world.changes_of_primary();
        acknowledged += world.acknowledged();
        if (world.violation()) {
            UNSCOPED_INFO(*world.violation());
            fail_with(schedule, Sabotage::none);
        }
    }
    // That it reaches what it is meant to reach.
    CHECK(changes > count);
    CHECK(acknowledged > static_cast<std::uint64_t>(count));
}

TEST_CASE("what once was found does not come back") {
    for (const auto& text : kept_schedules()) {
        const auto schedule = parse_schedule(text);
        INFO(text);
        CHECK(to_text(schedule) == text);
        CHECK(violation_of(schedule, Sabotage::none).value_or("") == "");
    }
}

TEST_CASE("without any one of its rules the protocol fails, and the simulation says so") {
    for (const auto& [sabotage, name] : all_sabotage) {
        INFO(name);
        const auto seed = seed_that_shows(sabotage);
        CHECK(seed.has_value());
        if (!seed) continue;
        UNSCOPED_INFO("seed " << *seed);
        CHECK_FALSE(violation_of(schedule_for(sabotage, *seed), Sabotage::none).has_value());
    }
}

TEST_CASE("what only a standby holds that must never be primary is on the next primary") {
    const auto first = pgbosun::test::seed();
    for (int index = 0; index < schedules(10'000) / 50; ++index) {
        const auto schedule = *draw_for(Sabotage::fast_forward, first + static_cast<std::uint64_t>(index));
        if (violation_of(schedule, Sabotage::none)) fail_with(schedule, Sabotage::none);
    }
}

TEST_CASE("a schedule that shows a violation is shrunk to the faults that it takes") {
    const auto schedule = draw(*seed_that_shows(Sabotage::promise_honoured));

    const auto shortest = shrink(schedule, Sabotage::promise_honoured);

    CHECK(shortest.faults.size() <= schedule.faults.size());
    CHECK(violation_of(shortest, Sabotage::promise_honoured).has_value());
    CHECK_FALSE(story(shortest, Sabotage::promise_honoured, 10).empty());
}
