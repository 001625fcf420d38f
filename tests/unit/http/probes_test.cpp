#include "http/probes.hpp"

#include "http/role_checks.hpp"
#include "support/catch.hpp"
#include "unit/http/status_of.hpp"

using namespace pgbosun;
using namespace pgbosun::http;
using namespace pgbosun::test;
using namespace std::chrono_literals;

TEST_CASE("probes say why not") {
    InstanceStatus status = running_primary();
    CHECK(liveness(status).status == 200);
    CHECK(startup(status).status == 200);
    CHECK(readiness(status, std::nullopt).status == 200);

    status.live = false;
    status.live_reason = "the loop is stuck";
    status.started = false;
    status.ready = false;
    status.ready_reason = "replaying WAL";
    CHECK(liveness(status).status == 503);
    CHECK(liveness(status).line == "not live: the loop is stuck");
    CHECK(startup(status).line == "not started: replaying WAL");
    CHECK(readiness(status, std::nullopt).line == "not ready: replaying WAL");

    status.ready_reason.clear();
    CHECK(readiness(status, std::nullopt).line == "not ready: phase running");
}

TEST_CASE("a primary is no longer ready the moment its right to write ends") {
    InstanceStatus status = running_primary();
    status.valid_until = status.now + 1ns;
    CHECK(readiness(status, std::nullopt).status == 200);
    CHECK(check_role(RoleCheck::primary, status, {}).status == 200);

    status.now += 1ns;
    CHECK(readiness(status, std::nullopt).status == 503);
    CHECK(check_role(RoleCheck::primary, status, {}).status == 503);
}

TEST_CASE("readiness honours the lag that is asked for") {
    InstanceStatus status = streaming_standby();
    CHECK(readiness(status, 1000).status == 200);
    CHECK(readiness(status, 999).status == 503);
    status.lsn.lag_bytes.reset();
    CHECK(readiness(status, 1000).status == 503);
    CHECK(readiness(status, std::nullopt).status == 200);
    CHECK(readiness(running_primary(), 0).status == 200);
}

TEST_CASE("role checks as load balancers know them") {
    const InstanceStatus primary = running_primary();
    const InstanceStatus standby = streaming_standby();
    InstanceStatus synchronous = standby;
    synchronous.synchronous = true;
    InstanceStatus fenced = primary;
    fenced.fenced = FenceStatus{"disk swap", ""};
    InstanceStatus promoting = standby;
    promoting.phase = Phase::promoting;
    InstanceStatus leader = standby;
    leader.managed.emplace().leads_standbys = true;
    InstanceStatus hung_primary = primary;
    hung_primary.postgres.silent_since = primary.now;
    InstanceStatus hung_standby = standby;
    hung_standby.postgres.silent_since = standby.now;
    struct Row {
        const char* what;
        const InstanceStatus& status;
        // primary, standby_leader, standby, read_only, synchronous, asynchronous, read_only_synchronous, health
        const char* passed;
    };
    const Row rows[] = {
        {"primary", primary, "1--1--11"},           {"standby", standby, "--11-1-1"},
        {"synchronous", synchronous, "--111-11"},   {"fenced", fenced, "--------"},
        {"standby leader", leader, "-111-1-1"},     {"promoting", promoting, "--------"},
        {"hung primary", hung_primary, "1--1--1-"}, {"hung standby", hung_standby, "--------"},
    };
    for (const Row& row : rows) {
        for (int i = 0; i < 8; ++i) {
            const Finding finding = check_role(static_cast<RoleCheck>(i), row.status, {});
            CAPTURE(row.what, i, finding.line);
            CHECK(finding.status == (row.passed[i] == '1' ? 200 : 503));
            CHECK(finding.line.empty() == (finding.status == 200));
        }
    }
}

TEST_CASE("a replica is held against lag, replication state and tags") {
    InstanceStatus standby = streaming_standby();
    const auto status_with = [&](const RoleTerms& terms) {
        return check_role(RoleCheck::standby, standby, terms).status;
    };
    CHECK(status_with({.max_lag = 1000}) == 200);
    CHECK(status_with({.max_lag = 999}) == 503);
    CHECK(status_with({.replication_state = "streaming"}) == 200);
    CHECK(status_with({.replication_state = "in archive recovery"}) == 503);
    CHECK(status_with({.replication_state = "Streaming"}) == 503);
    CHECK(status_with({.tags = Tags::asked_for}) == 503);

    standby.lsn.replay_stands_still = true;
    CHECK(status_with({}) == 503);
    CHECK(check_role(RoleCheck::read_only, standby, {}).line == "replay stands still");
    standby.lsn.replay_stands_still = false;

    standby.lsn.lag_bytes.reset();
    standby.lsn.streaming = false;
    CHECK(status_with({}) == 200);
    CHECK(status_with({.max_lag = 1000}) == 503);
    CHECK(status_with({.replication_state = "in archive recovery"}) == 200);
    CHECK(check_role(RoleCheck::read_only, running_primary(), {.max_lag = 0}).status == 200);
}
