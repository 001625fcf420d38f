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

// As it is when it has been so for all this time, looked at each second.
InstanceStatus after(InstanceStatus status, Duration time, Replays how = Replays::at_once,
                     QueryPatience patience = 30s) {
    ReplayWatch watch;
    const Instant begin{1000s};
    for (Duration passed = 0s; passed <= time; passed += 1s) watch.look(status, how, begin + passed);
    status.ready = true;
    watch.judge(status, patience, begin + time);
    watch.explain(status, begin + time);
    return status;
}

}  // namespace

TEST_CASE("a standby that has WAL and does not replay it says so after a while, and is not ready") {
    const auto still = after(standby(200, 100), 30s);
    CHECK(still.reason == "replay stands still at 0/64, with WAL to replay");
    CHECK(still.lsn.replay_stands_still);
    CHECK_FALSE(still.ready);
    CHECK(still.ready_reason == still.reason);

    const auto yet = after(standby(200, 100), 29s);
    CHECK(yet.reason.empty());
    CHECK(yet.ready);
    CHECK_FALSE(yet.lsn.replay_stands_still);
}

TEST_CASE("one that has nothing to replay, is behind on purpose, or is none, does not stand still") {
    struct Row {
        const char* what;
        InstanceStatus status;
        Replays how;
    };
    auto primary = standby(200, 100);
    primary.role = Role::primary;
    auto stopping = standby(200, 100);
    stopping.phase = Phase::stopping;
    const Row rows[] = {
        {"it has replayed all, and the primary is idle", standby(100, 100), Replays::at_once},
        {"apply_delay", standby(200, 100), Replays::delayed},
        {"a primary", primary, Replays::at_once},
        {"it stops", stopping, Replays::at_once},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        const auto seen = after(row.status, 1h, row.how);
        CHECK(seen.reason.empty());
        CHECK(seen.ready);
        CHECK_FALSE(seen.lsn.replay_stands_still);
    }
}

TEST_CASE("what queries may hold up by the configuration is said, and makes nobody unready") {
    struct Row {
        QueryPatience patience;
        Duration time;
        bool ready;
    };
    for (const auto& row : {Row{10min, 599s, true}, Row{10min, 600s, false}, Row{0s, 30s, false}, Row{{}, 1h, true}}) {
        const auto seen = after(standby(200, 100), row.time, Replays::at_once, row.patience);
        CHECK(seen.reason == "replay stands still at 0/64, with WAL to replay");
        CHECK(seen.ready == row.ready);
        CHECK(seen.lsn.replay_stands_still == !row.ready);
    }
}

TEST_CASE("a standby whose primary is gone may have half a record, and is not taken for unready for that") {
    auto cut_off = standby(200, 100);
    cut_off.lsn.streaming = false;
    const auto seen = after(cut_off, 1h);
    CHECK(seen.ready);
    CHECK_FALSE(seen.lsn.replay_stands_still);
}

TEST_CASE("replay that is paused while there is WAL to replay is told as that, whatever queries may do") {
    auto paused = standby(200, 100);
    paused.lsn.replay_paused = true;
    const auto seen = after(paused, 30s, Replays::at_once, {});
    CHECK(seen.reason == "replay is paused at 0/64, with WAL to replay");
    CHECK(seen.hint.find("pg_wal_replay_resume()") != std::string::npos);
    CHECK_FALSE(seen.ready);
    CHECK(after(paused, 29s).ready);
    paused.lsn.replayed = paused.lsn.received;
    CHECK(after(paused, 1h).reason.empty());
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
