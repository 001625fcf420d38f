#include "decided.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::instance;
using namespace pgbosun::test;
using namespace std::chrono_literals;

TEST_CASE("an empty volume is bootstrapped, a usable one is started once strays are gone and there is room") {
    InstanceState state;

    auto decision = after(state, Begin{});
    REQUIRE(find<InspectVolume>(decision));
    CHECK(find<Bootstrap>(after(decision.state, VolumeJudged{VolumeVerdict::empty})));

    decision = after(decision.state, VolumeJudged{VolumeVerdict::usable});
    REQUIRE(find<ClearStrays>(decision));
    decision = after(decision.state, StraysGone{});
    REQUIRE(find<CheckRoom>(decision));
    decision = after(decision.state, RoomFound{true});
    CHECK(find<Launch>(decision));
    CHECK(phase_of(decision.state) == Phase::starting);
    CHECK(phase_of(after(decision.state, Accepting{Role::primary}).state) == Phase::running);
}

TEST_CASE("without room for WAL postgres is not started, and is started by itself when there is room") {
    InstanceState state;
    state.activity = CheckingRoom{};

    auto decision = after(state, RoomFound{false});
    REQUIRE(std::holds_alternative<WaitingForRoom>(decision.state.activity));
    CHECK_FALSE(find<Launch>(decision));

    decision = after(decision.state, DeadlinePassed{}, *next_deadline(decision.state));
    REQUIRE(find<CheckRoom>(decision));
    CHECK(find<Launch>(after(decision.state, RoomFound{true})));
}

TEST_CASE("a fence survives: found on the volume at the start, it keeps postgres from starting") {
    auto decision = after(InstanceState{}, Begin{.fence_found = true});
    decision = after(decision.state, VolumeJudged{VolumeVerdict::usable});

    CHECK(phase_of(decision.state) == Phase::fenced);
    CHECK(decision.actions.size() == 0);
}

TEST_CASE("fenced before its part is known, it is what it was given when the fence is lifted") {
    auto decision = after(InstanceState{}, Asked{Verb::fence});
    CHECK(decision.verdict == Verdict::accepted);
    CHECK(find<StoreFence>(decision));
    CHECK(after(decision.state, Asked{Verb::unfence}).verdict == Verdict::refused_busy);
    decision = after(decision.state, FenceStored{});
    CHECK(after(decision.state, Asked{Verb::restart}).verdict == Verdict::refused_fenced);
    decision = after(decision.state, Begin{.fence_found = false, .part = Part::standby});
    CHECK(phase_of(decision.state) == Phase::fenced);
    CHECK(decision.actions.size() == 0);

    decision = after(decision.state, Asked{Verb::unfence});
    decision = after(decision.state, FenceRemoved{});
    REQUIRE(find<InspectVolume>(decision));
    decision = after(decision.state, VolumeJudged{VolumeVerdict::usable});
    decision = after(decision.state, StraysGone{});
    CHECK(find<Rejoin>(decision));
}

TEST_CASE("a fence is stored and stops postgres at the same moment; lifting it starts postgres again") {
    auto decision = after(running(Role::primary), Asked{Verb::fence});
    CHECK(decision.verdict == Verdict::accepted);
    CHECK(find<StoreFence>(decision));
    REQUIRE(find<StopPostgres>(decision));
    CHECK(find<StopPostgres>(decision)->mode == StopMode::fast);

    decision = after(decision.state, FenceStored{});
    decision = after(decision.state, PostmasterExited{});
    decision = after(decision.state, StraysGone{});
    CHECK(phase_of(decision.state) == Phase::fenced);
    CHECK(after(decision.state, Asked{Verb::fence}).verdict == Verdict::already_so);
    CHECK(after(decision.state, Asked{Verb::restart}).verdict == Verdict::refused_fenced);
    CHECK(after(decision.state, Asked{Verb::promote}).verdict == Verdict::refused_fenced);

    decision = after(decision.state, Asked{Verb::unfence});
    REQUIRE(find<RemoveFence>(decision));
    CHECK(phase_of(decision.state) == Phase::fenced);
    decision = after(decision.state, FenceRemoved{});
    CHECK(find<InspectVolume>(decision));
}

TEST_CASE("a smart stop leaves time for the two after it, also after a long checkpoint") {
    Policy patient = policy();
    patient.smart_timeout = 50s;
    auto decision = decide(running(Role::primary), Asked{Verb::restart}, start, patient);
    REQUIRE(find<Checkpoint>(decision));
    Instant now = start + patient.checkpoint_timeout;
    decision = decide(decision.state, DeadlinePassed{}, now, patient);
    for (const auto mode : {StopMode::smart, StopMode::fast, StopMode::immediate}) {
        REQUIRE(find<StopPostgres>(decision));
        CHECK(find<StopPostgres>(decision)->mode == mode);
        now = *next_deadline(decision.state);
        decision = decide(decision.state, DeadlinePassed{}, now, patient);
    }
    CHECK(find<KillPostgres>(decision));
    CHECK(now == start + patient.stop_timeout);
}

TEST_CASE("a stop goes from smart through fast and immediate to SIGKILL as its time runs out") {
    Policy patient = policy();
    patient.smart_timeout = 10s;
    patient.checkpoint_timeout = 0s;
    auto decision = decide(running(Role::primary), EndRequested{StopMode::smart}, start, patient);
    REQUIRE(find<StopPostgres>(decision));
    CHECK(find<StopPostgres>(decision)->mode == StopMode::smart);

    const std::pair<Instant, StopMode> steps[] = {{start + 10s, StopMode::fast}, {start + 55s, StopMode::immediate}};
    for (const auto& [moment, mode] : steps) {
        REQUIRE(next_deadline(decision.state) == moment);
        decision = decide(decision.state, DeadlinePassed{}, moment, patient);
        REQUIRE(find<StopPostgres>(decision));
        CHECK(find<StopPostgres>(decision)->mode == mode);
    }
    REQUIRE(next_deadline(decision.state) == start + 60s);
    decision = decide(decision.state, DeadlinePassed{}, start + 60s, patient);
    CHECK(find<KillPostgres>(decision));
    decision = decide(decision.state, DeadlinePassed{}, start + 61s, patient);
    CHECK(find<KillPostgres>(decision));
}

TEST_CASE("a checkpoint before a stop has a deadline of its own, and takes nothing from the stop's") {
    auto decision = after(running(Role::primary), Asked{Verb::restart});
    REQUIRE(find<Checkpoint>(decision));
    REQUIRE(next_deadline(decision.state) == start + 10s);

    decision = after(decision.state, DeadlinePassed{}, start + 10s);
    REQUIRE(find<StopPostgres>(decision));
    CHECK(std::get<Stopping>(decision.state.activity).kill_at == start + 60s);
}

TEST_CASE("a short stop is fast until its last fifth, and immediate only then") {
    const Duration timeout = GENERATE(as<Duration>(), 1s, 5s, 8s, 12s);
    Policy hurried = policy();
    hurried.stop_timeout = timeout;
    auto decision = decide(running(Role::primary), EndRequested{StopMode::smart}, start, hurried);
    REQUIRE(find<Checkpoint>(decision));
    CHECK(*next_deadline(decision.state) <= start + timeout * 3 / 5);
    const Instant checkpointed = start + 4ms;

    decision = decide(decision.state, CheckpointEnded{}, checkpointed, hurried);
    REQUIRE(find<StopPostgres>(decision));
    CHECK(find<StopPostgres>(decision)->mode == StopMode::fast);
    REQUIRE(next_deadline(decision.state) == start + timeout * 4 / 5);
    decision = decide(decision.state, DeadlinePassed{}, start + timeout * 4 / 5, hurried);
    REQUIRE(find<StopPostgres>(decision));
    CHECK(find<StopPostgres>(decision)->mode == StopMode::immediate);
    REQUIRE(next_deadline(decision.state) == start + timeout);
    CHECK(find<KillPostgres>(decide(decision.state, DeadlinePassed{}, start + timeout, hurried)));
}

TEST_CASE("what the checkpoint does not need is the smart stop's, which leaves time for fast and immediate") {
    struct Case {
        Duration timeout, smart, until;
    };
    const auto given = GENERATE(as<Case>(), Case{10s, 6s, 6s}, Case{10s, 2s, 2s + 4ms}, Case{12s, 6s, 6s + 4ms},
                                Case{60s, 50s, 50s}, Case{5s, 4s, 3s});
    Policy patient = policy();
    patient.stop_timeout = given.timeout;
    patient.smart_timeout = given.smart;
    auto decision = decide(running(Role::primary), EndRequested{StopMode::smart}, start, patient);
    REQUIRE(find<Checkpoint>(decision));

    decision = decide(decision.state, CheckpointEnded{}, start + 4ms, patient);
    REQUIRE(find<StopPostgres>(decision));
    CHECK(find<StopPostgres>(decision)->mode == StopMode::smart);
    CHECK(*next_deadline(decision.state) == start + given.until);
}

TEST_CASE("a checkpoint that takes all its time leaves half of it to a smart stop that is asked for") {
    Policy patient = policy();
    patient.stop_timeout = 10s;
    patient.smart_timeout = 6s;
    auto decision = decide(running(Role::primary), EndRequested{StopMode::smart}, start, patient);
    REQUIRE(next_deadline(decision.state) == start + 3s);
    decision = decide(decision.state, DeadlinePassed{}, start + 3s, patient);
    REQUIRE(find<StopPostgres>(decision));
    CHECK(find<StopPostgres>(decision)->mode == StopMode::smart);
    CHECK(*next_deadline(decision.state) == start + 6s);
}

TEST_CASE("crashes restart postgres, later each time, and too many of them end pgbosun with status 1") {
    InstanceState state = running(Role::primary);
    const Duration waits[] = {0s, 1s, 2s, 4s, 8s};
    Instant now = start;
    for (const Duration wait : waits) {
        state.activity = Running{Role::primary};
        auto decision = after(state, PostmasterExited{}, now);
        REQUIRE(find<ClearStrays>(decision));
        decision = after(decision.state, StraysGone{}, now);
        REQUIRE(std::holds_alternative<BackingOff>(decision.state.activity));
        CHECK(*next_deadline(decision.state) == now + wait);
        CHECK(phase_of(decision.state) == Phase::restarting);
        now += wait + 1s;
        state = decision.state;
    }

    state.activity = Running{Role::primary};
    auto decision = after(state, PostmasterExited{}, now);
    decision = after(decision.state, StraysGone{}, now);
    REQUIRE(find<End>(decision));
    CHECK(find<End>(decision)->exit_status == 1);
}

TEST_CASE(
    "a standby of a managed cluster whose postgres crashed is compared with the primary before it is started again") {
    InstanceState state = running(Role::standby);
    state.desired.part = Part::standby;
    state.ready_for = Part::standby;

    auto decision = after(state, PostmasterExited{});
    decision = after(decision.state, StraysGone{});
    decision = after(decision.state, DeadlinePassed{});
    decision = after(decision.state, VolumeJudged{VolumeVerdict::usable});
    decision = after(decision.state, StraysGone{});

    CHECK(find<Rejoin>(decision));
}

TEST_CASE("crashes that lie far apart are forgotten") {
    InstanceState state = running(Role::primary);
    Instant now = start;
    for (int crash = 0; crash < 50; ++crash) {
        state.activity = Running{Role::primary};
        state = after(state, PostmasterExited{}, now).state;
        now += 61s;
    }
    CHECK(std::get<Clearing>(state.activity).next == AfterClearing::back_off);
}

TEST_CASE("a standby is promoted once; a primary answers that it is one already") {
    auto decision = after(running(Role::standby), Asked{Verb::promote});
    CHECK(decision.verdict == Verdict::accepted);
    REQUIRE(find<Promote>(decision));
    CHECK(phase_of(decision.state) == Phase::promoting);
    const auto again = after(decision.state, Asked{Verb::promote});
    CHECK(again.verdict == Verdict::accepted);
    CHECK(again.actions.size() == 0);

    decision = after(decision.state, Accepting{Role::primary});
    CHECK(phase_of(decision.state) == Phase::running);
    CHECK(after(decision.state, Asked{Verb::promote}).verdict == Verdict::already_so);
}

TEST_CASE("a promotion that does not come about leaves a running standby") {
    auto decision = after(running(Role::standby), Asked{Verb::promote});
    decision = after(decision.state, Accepting{Role::standby});
    CHECK(phase_of(decision.state) == Phase::promoting);

    decision = after(decision.state, DeadlinePassed{}, *next_deadline(decision.state));
    CHECK(std::get<Running>(decision.state.activity).role == Role::standby);
}

TEST_CASE("a demotion writes standby.signal after postgres has gone and before it is started again") {
    CHECK(after(running(Role::primary), Asked{Verb::demote, false}).verdict == Verdict::refused_no_upstream);
    CHECK(after(running(Role::standby), Asked{Verb::demote, true}).verdict == Verdict::already_so);

    auto decision = after(running(Role::primary), Asked{Verb::demote, true});
    CHECK(phase_of(decision.state) == Phase::demoting);
    decision = after(decision.state, CheckpointEnded{});
    decision = after(decision.state, PostmasterExited{});
    decision = after(decision.state, StraysGone{});
    REQUIRE(find<MarkStandby>(decision));
    decision = after(decision.state, StandbyMarked{});
    CHECK(find<InspectVolume>(decision));
}

TEST_CASE("a fence or an end on the way does not make a primary again of what is being demoted") {
    const auto demoting = after(running(Role::primary), Asked{Verb::demote, true});
    const auto stopping = after(demoting.state, CheckpointEnded{});
    for (const auto& begun : {demoting, stopping}) {
        for (const Event& event : {Event(Asked{Verb::fence}), Event(EndRequested{StopMode::smart})}) {
            auto decision = after(begun.state, event);
            decision = after(decision.state, PostmasterExited{});
            decision = after(decision.state, StraysGone{});
            REQUIRE(find<MarkStandby>(decision));
            // Said once more, it waits all the same; a volume that hangs is not waited for at the last signal.
            CHECK_FALSE(find<End>(after(decision.state, EndRequested{StopMode::fast})));
            CHECK(find<End>(after(decision.state, EndRequested{StopMode::immediate})));
            decision = after(decision.state, StandbyMarked{});
            CHECK_FALSE(find<InspectVolume>(decision));
        }
    }
}

TEST_CASE("a volume that is not ours to touch leaves the instance up, failed, until somebody asks for a restart") {
    InstanceState state;
    auto decision = after(state, VolumeJudged{VolumeVerdict::refused});
    CHECK(phase_of(decision.state) == Phase::failed);
    CHECK(after(decision.state, Asked{Verb::checkpoint}).verdict == Verdict::refused_failed);

    decision = after(decision.state, Asked{Verb::restart});
    CHECK(decision.verdict == Verdict::accepted);
    CHECK(find<InspectVolume>(decision));
}

TEST_CASE("a second, harder signal makes the stop harder; a softer one changes nothing") {
    auto decision = after(running(Role::standby), EndRequested{StopMode::fast});
    CHECK(after(decision.state, EndRequested{StopMode::smart}).actions.size() == 0);
    decision = after(decision.state, EndRequested{StopMode::immediate});
    REQUIRE(find<StopPostgres>(decision));
    CHECK(find<StopPostgres>(decision)->mode == StopMode::immediate);
}

TEST_CASE("an end during a bootstrap cancels the tool, kills it when it does not go, and exits 0") {
    InstanceState state;
    state.activity = Bootstrapping{};
    auto decision = after(state, EndRequested{StopMode::smart});
    REQUIRE(find<CancelBootstrap>(decision));
    CHECK_FALSE(find<CancelBootstrap>(decision)->kill);

    decision = after(decision.state, DeadlinePassed{}, *next_deadline(decision.state));
    REQUIRE(find<CancelBootstrap>(decision));
    CHECK(find<CancelBootstrap>(decision)->kill);
    decision = after(decision.state, BootstrapEnded{BootstrapOutcome::failed});
    REQUIRE(find<End>(decision));
    CHECK(find<End>(decision)->exit_status == 0);
}

TEST_CASE("on the way down the phase never goes back to starting") {
    const auto wish = GENERATE(as<Event>(), Event(EndRequested{StopMode::fast}), Event(Asked{Verb::fence}));
    auto decision = after(running(Role::primary), wish);
    REQUIRE(phase_of(decision.state) == Phase::stopping);

    decision = after(decision.state, PostmasterExited{});
    REQUIRE(find<ClearStrays>(decision));

    CHECK(phase_of(decision.state) == Phase::stopping);
}

TEST_CASE("a restored directory is bootstrapping until it has reached its recovery target") {
    InstanceState state;
    state.activity = Inspecting{};

    auto decision = after(state, VolumeJudged{VolumeVerdict::usable, true});
    decision = after(decision.state, StraysGone{});
    decision = after(decision.state, RoomFound{true});
    REQUIRE(find<Launch>(decision));
    CHECK(phase_of(decision.state) == Phase::bootstrapping);
    CHECK_FALSE(next_deadline(decision.state));
    decision = after(decision.state, Accepting{Role::standby});
    CHECK(phase_of(decision.state) == Phase::bootstrapping);
    CHECK(after(decision.state, Asked{Verb::promote, false}).verdict == Verdict::refused_bootstrapping);
    CHECK(after(decision.state, Asked{Verb::demote, true}).verdict == Verdict::refused_bootstrapping);
    decision = after(decision.state, Accepting{Role::primary});
    CHECK(phase_of(decision.state) == Phase::running);
    CHECK_FALSE(decision.state.recovering);
}

TEST_CASE("a recovery that cannot reach its target rests until a person asks, and is never given up to the container") {
    InstanceState state = running(Role::standby);
    state.recovering = true;

    auto decision = after(state, PostmasterExited{true});
    CHECK(find<ClearStrays>(decision));
    decision = after(decision.state, StraysGone{});
    CHECK(phase_of(decision.state) == Phase::failed);

    // Also when each try takes longer than the window of restart.intensity.
    decision.state = state;
    for (int i = 0; i < 20 && !std::holds_alternative<Failed>(decision.state.activity); ++i) {
        decision.state.activity = Running{Role::standby};
        decision = after(decision.state, PostmasterExited{}, start + i * 1h);
        decision = after(decision.state, StraysGone{}, start + i * 1h);
        CHECK_FALSE(find<End>(decision));
    }
    CHECK(std::holds_alternative<Failed>(decision.state.activity));
}

TEST_CASE("a standby that can never follow whom it was told of rests, and a promotion leads back") {
    auto decision = after(running(Role::standby), PostmasterExited{.hopeless = true});
    decision = after(decision.state, StraysGone{});
    REQUIRE(phase_of(decision.state) == Phase::failed);
    CHECK_FALSE(find<End>(decision));
    CHECK(after(decision.state, Asked{Verb::demote, true}).verdict == Verdict::refused_failed);

    decision = after(decision.state, Asked{Verb::promote});
    CHECK(decision.verdict == Verdict::accepted);
    REQUIRE(find<InspectVolume>(decision));
    CHECK(after(decision.state, Asked{Verb::promote}).verdict == Verdict::accepted);
    decision = after(decision.state, VolumeJudged{VolumeVerdict::usable});
    decision = after(decision.state, StraysGone{});
    decision = after(decision.state, RoomFound{true});
    REQUIRE(find<Launch>(decision));
    CHECK(find<Launch>(decision)->alone);
    decision = after(decision.state, Accepting{Role::standby});
    CHECK(find<Promote>(decision));
    decision = after(decision.state, Accepting{Role::primary});
    CHECK(phase_of(decision.state) == Phase::running);
    CHECK_FALSE(decision.state.promotes);
}

TEST_CASE("a restart of such a standby follows as before, and so does one whose promotion failed") {
    auto decision = after(running(Role::standby), PostmasterExited{.hopeless = true});
    const auto failed = after(decision.state, StraysGone{}).state;
    const auto launch = [](InstanceState state) {
        auto next = after(state, VolumeJudged{VolumeVerdict::usable});
        next = after(next.state, StraysGone{});
        return after(next.state, RoomFound{true});
    };

    decision = launch(after(failed, Asked{Verb::restart}).state);
    REQUIRE(find<Launch>(decision));
    CHECK_FALSE(find<Launch>(decision)->alone);

    decision = launch(after(failed, Asked{Verb::promote}).state);
    decision = after(decision.state, PostmasterExited{});
    CHECK_FALSE(decision.state.promotes);
}

TEST_CASE("what failed for its volume, or as a recovery to a target, is not promoted") {
    auto decision = after(InstanceState{}, VolumeJudged{VolumeVerdict::refused});
    CHECK(after(decision.state, Asked{Verb::promote}).verdict == Verdict::refused_failed);

    InstanceState recovering = running(Role::standby);
    recovering.recovering = true;
    decision = after(recovering, PostmasterExited{.hopeless = true});
    decision = after(decision.state, StraysGone{});
    REQUIRE(phase_of(decision.state) == Phase::failed);
    CHECK(after(decision.state, Asked{Verb::promote}).verdict == Verdict::refused_failed);
}

TEST_CASE("a bootstrap that is refused rests in the phase failed") {
    InstanceState state;
    state.activity = Bootstrapping{};

    CHECK(phase_of(after(state, BootstrapEnded{BootstrapOutcome::refused}).state) == Phase::failed);
    CHECK(find<InspectVolume>(after(state, BootstrapEnded{BootstrapOutcome::done})));
}
