#include "supervision/synchronous_sight.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

InstanceStatus primary_with(std::string name, std::string state, std::string sync) {
    InstanceStatus primary;
    primary.managed.emplace().serving = true;
    StandbyStatus other;
    other.name = "pg-9";
    other.state = "streaming";
    other.sync = "sync";
    StandbyStatus standby;
    standby.name = std::move(name);
    standby.state = std::move(state);
    standby.sync = std::move(sync);
    primary.standbys = {other, standby};
    return primary;
}

}  // namespace

TEST_CASE("a standby is synchronous when the primary waits for it") {
    struct Row {
        const char *name, *state, *sync;
        bool waits;
    };
    const Row rows[] = {
        {"pg-2", "streaming", "sync", true},       {"pg-2", "streaming", "quorum", true},
        {"pg-2", "streaming", "potential", false}, {"pg-2", "streaming", "async", false},
        {"pg-2", "catchup", "quorum", false},      {"pg-20", "streaming", "sync", false},
        {"", "streaming", "sync", false},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name, row.state, row.sync);
        CHECK(waits_for(primary_with(row.name, row.state, row.sync), "pg-2") == row.waits);
    }
    InstanceStatus deposed = primary_with("pg-2", "streaming", "sync");
    deposed.managed->serving = false;
    CHECK_FALSE(waits_for(deposed, "pg-2"));
    deposed.managed.reset();
    CHECK_FALSE(waits_for(deposed, "pg-2"));
}

TEST_CASE("what the primary said of its standby holds for a while") {
    const Instant asked{1h};
    SynchronousSight sight;
    CHECK_FALSE(sight.holds(asked));

    sight.note(true, asked);
    CHECK(sight.holds(asked + longest_sight - 1ms));
    CHECK_FALSE(sight.holds(asked + longest_sight));

    sight.note(false, asked + 1s);
    CHECK_FALSE(sight.holds(asked + 1s));
    sight.note(true, asked + 2s);
    sight.forget();
    CHECK_FALSE(sight.holds(asked + 2s));
}
