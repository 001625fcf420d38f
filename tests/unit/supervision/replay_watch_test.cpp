#include "supervision/replay_watch.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

InstanceStatus standby(std::uint64_t received, std::uint64_t replayed) {
    InstanceStatus status;
    status.phase = Phase::running;
    status.role = Role::standby;
    status.lsn.streaming = true;
    status.lsn.received = Lsn{received};
    status.lsn.replayed = Lsn{replayed};
    return status;
}

// What is said when it has been so for all this time, looked at each second.
std::string said(const InstanceStatus& status, Duration time, Replays how = Replays::at_once) {
    ReplayWatch watch;
    const Instant begin{1000s};
    InstanceStatus seen = status;
    for (Duration passed = 0s; passed <= time; passed += 1s) watch.look(status, how, begin + passed);
    watch.explain(seen, begin + time);
    return seen.reason;
}

}  // namespace

TEST_CASE("a standby that has WAL and does not replay it says so after a while") {
    CHECK(said(standby(200, 100), 30s) == "replay stands still at 0/64, with WAL to replay");
    CHECK(said(standby(200, 100), 29s).empty());
}

TEST_CASE("one that has nothing to replay, waits on purpose, or is none, does not stand still") {
    CHECK(said(standby(100, 100), 1h).empty());
    CHECK(said(standby(200, 100), 1h, Replays::delayed).empty());
    auto paused = standby(200, 100);
    paused.lsn.replay_paused = true;
    CHECK(said(paused, 1h).empty());
    auto primary = standby(200, 100);
    primary.role = Role::primary;
    CHECK(said(primary, 1h).empty());
    auto stopping = standby(200, 100);
    stopping.phase = Phase::stopping;
    CHECK(said(stopping, 1h).empty());
}

TEST_CASE("what is replayed in between begins the time anew, and so does having nothing to replay") {
    const bool caught_up = GENERATE(true, false);
    ReplayWatch watch;
    const Instant begin{1000s};
    watch.look(standby(200, 100), Replays::at_once, begin);
    watch.look(caught_up ? standby(200, 200) : standby(200, 101), Replays::at_once, begin + 29s);
    auto status = standby(300, caught_up ? 200 : 101);
    watch.look(status, Replays::at_once, begin + 31s);
    watch.explain(status, begin + 31s);
    CHECK(status.reason.empty());
}

TEST_CASE("what else is said of it stays") {
    auto status = standby(200, 100);
    ReplayWatch watch;
    watch.look(status, Replays::at_once, Instant{1000s});
    status.reason = "no connection is free";
    watch.explain(status, Instant{2000s});
    CHECK(status.reason == "no connection is free");
}
