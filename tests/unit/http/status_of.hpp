#pragma once
#include "pgbosun/instance_status.hpp"

namespace pgbosun::test {

inline InstanceStatus running_primary() {
    InstanceStatus status;
    status.instance = "pg-1";
    status.cluster = "orders";
    status.now = Instant(std::chrono::seconds(100));
    status.phase = Phase::running;
    status.role = Role::primary;
    status.started = true;
    status.ready = true;
    status.postgres.pid = 41;
    return status;
}

inline InstanceStatus streaming_standby() {
    InstanceStatus status = running_primary();
    status.role = Role::standby;
    status.lsn.streaming = true;
    status.lsn.lag_bytes = 1000;
    return status;
}

// Every field set, and to something else than its default.
inline InstanceStatus full_status() {
    using namespace std::chrono_literals;
    InstanceStatus status = running_primary();
    const Instant now = status.now;
    status.version = "0.1.0";
    status.boot_id = "b00t";
    status.reason = "a reason";
    status.hint = "a hint";
    status.term = 7;
    status.timeline = Timeline{3};
    status.system_id = SystemId{7710436416726794584};
    status.fenced = FenceStatus{"because", "2026-11-21T01:00:00.000Z"};
    status.live = false;
    status.live_reason = "stuck";
    status.ready_reason = "fenced";
    status.pending_restart = true;
    status.pending_restart_parameters = {"max_connections"};
    status.valid_until = now + 2780ms;
    status.postgres = {41, 170011, now - 3712s, 2, true, now - 1500ms, "timeout"};
    status.lsn = {Lsn{0x5000060}, Lsn{0x16B374D848}, Lsn{0x16B374D840}, 8, true, "10.0.0.7:5432", true};
    status.standbys = {{"pg-2", "streaming", "quorum", "10.0.0.2", 0}, {"pg-3", "catchup", "async", "", std::nullopt}};
    status.slots = {{"consumer", "physical", false, 1U << 20, "reserved"}, {"changes", "logical", true, {}, ""}};
    status.synchronous = true;
    ManagedStatus& managed = status.managed.emplace();
    managed.primary = "pg-1";
    managed.bound_for = 250ms;
    managed.silent = {{"pg-3", "nobody answers", now - 6s}};
    status.archive = ArchiveReport{"s3://b/p",
                                   "000000010000000000000001",
                                   "2026-11-21T01:00:00.000Z",
                                   4,
                                   "2026-11-21T02:00:00.000Z",
                                   "503",
                                   10,
                                   160,
                                   40,
                                   2,
                                   1};
    status.archive_refused = "demoted";
    status.backup.last_id = "20261121T010000";
    status.backup.last_at = "2026-11-21T01:10:00.000Z";
    status.backup.last_failed_at = "2026-11-20T01:10:00.000Z";
    status.backup.last_error = "disk full";
    status.backup.first_recoverable_at = "2026-11-14T01:10:00.000Z";
    status.backup.recoverable_to = "000000010000000000000009";
    status.backup.holes = {"000000010000000000000003 to 000000010000000000000004"};
    status.backup.hole_count = 1;
    status.backup.count = 8;
    status.backup.next_at = "2026-11-22T01:00:00.000Z";
    status.backup.running = RunningJob{"20261121T020000", "copying", 5, 50, now - 9s, "2026-11-21T02:00:00.000Z", true};
    status.backup.last_seconds = 61.5;
    status.backup.last_bytes = 1000;
    status.backup.last_stored_bytes = 250;
    status.backup.taken = 2;
    status.backup.failed = 1;
    status.backup.looked_at = now - 60s;
    status.backup.catalog_error = "503";
    status.drill.last_at = "2026-11-21T04:00:00.000Z";
    status.drill.last_ok = false;
    status.drill.last_id = "20261121T010000";
    status.drill.last_error = "a check says no";
    status.drill.last_ok_at = "2026-11-14T04:00:00.000Z";
    status.drill.recovery_s = 412.5;
    status.drill.next_at = "2026-11-28T04:00:00.000Z";
    status.drill.running =
        RunningJob{"20261121T010000", "recovering", 7, 70, now - 3s, "2026-11-21T04:00:00.000Z", false};
    status.volumes = {{"data", "/data", 1000, 10, now - 3s, "EIO", now - 7s, 0.25}};
    status.progress = ProgressStatus{"pg_basebackup", 5, 50, now - 9s};
    status.log = {4096, now - 2s, 3};
    status.facts_at = now - 400ms;
    return status;
}

}  // namespace pgbosun::test
