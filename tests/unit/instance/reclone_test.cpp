#include "decided.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;
using namespace pgbosun::test;
using namespace std::chrono_literals;

TEST_CASE("a standby of a cluster that is to be cloned anew is stopped, and rejoins before it is launched") {
    auto state = running(Role::standby);
    state.desired.part = state.ready_for = Part::standby;
    auto decision = after(state, Asked{Verb::reclone});
    CHECK(decision.verdict == Verdict::accepted);
    REQUIRE(find<StopPostgres>(decision));
    CHECK(after(decision.state, Asked{Verb::reclone}).verdict == Verdict::refused_busy);
    decision = after(decision.state, PostmasterExited{});
    decision = after(decision.state, StraysGone{});
    decision = after(decision.state, VolumeJudged{VolumeVerdict::usable});
    decision = after(decision.state, StraysGone{});
    CHECK(find<Rejoin>(decision));
    CHECK(after(decision.state, Asked{Verb::reclone}).verdict == Verdict::refused_busy);
}

TEST_CASE("what does not run is cloned anew too, whatever keeps it from running") {
    for (const Activity& activity : {Activity(Failed{}), Activity(BackingOff{start + 1h}),
                                     Activity(WaitingForRoom{start + 1h}), Activity(Rejoining{start + 1h, {}})}) {
        InstanceState state;
        state.begun = true;
        state.desired.part = Part::standby;
        state.activity = activity;
        const auto decision = after(state, Asked{Verb::reclone});
        CHECK(decision.verdict == Verdict::accepted);
        CHECK(find<InspectVolume>(decision));
        CHECK(decision.state.ready_for == Part::unknown);
    }
}

TEST_CASE("who is no standby of a cluster is not cloned anew, and keeps what it has") {
    const auto asked = [](Part part, Role role, Fence fence = Fence::off) {
        auto state = running(role);
        state.desired.part = part;
        state.desired.fence = fence;
        const auto decision = after(state, Asked{Verb::reclone});
        CHECK(decision.actions.size() == 0);
        CHECK(decision.state == state);
        return decision.verdict;
    };
    CHECK(asked(Part::own, Role::standby) == Verdict::refused_unmanaged);
    CHECK(asked(Part::primary, Role::primary) == Verdict::refused_not_standby);
    CHECK(asked(Part::primary, Role::standby) == Verdict::refused_not_standby);
    CHECK(asked(Part::isolated, Role::standby) == Verdict::refused_not_standby);
    CHECK(asked(Part::standby, Role::primary) == Verdict::refused_busy);
    CHECK(asked(Part::standby, Role::standby, Fence::on) == Verdict::refused_fenced);
}
