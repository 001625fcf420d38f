#include "supervision/job_memory.hpp"
#include "supervision/job_slot.hpp"
#include "supervision/schedule.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;
using namespace std::chrono_literals;

namespace {

constexpr ExitStatus exited(int code) { return {ExitStatus::How::exited, code}; }

JobFacts well() { return JobFacts{true, false, Phase::running, Role::primary, nullptr}; }

InstanceStatus primary(std::vector<StandbyStatus> standbys = {}) {
    InstanceStatus status;
    status.phase = Phase::running;
    status.role = Role::primary;
    status.standbys = std::move(standbys);
    return status;
}

}  // namespace

TEST_CASE("a job begins when there is an archive, a server for a backup, and no other of its kind") {
    CHECK_FALSE(refuse_job(JobKind::backup, well()));
    ActiveJob other;
    other.shown.id = "20261121T010000";
    other.shown.began_at = "2026-11-21T01:00:00.000Z";

    auto facts = well();
    facts.running = &other;
    CHECK(refuse_job(JobKind::backup, facts)->reason ==
          "a backup runs already: 20261121T010000, since 2026-11-21T01:00:00.000Z");
    facts = well();
    facts.archive = false;
    CHECK(refuse_job(JobKind::drill, facts)->reason == "there is no archive");
    facts = well();
    facts.ending = true;
    CHECK(refuse_job(JobKind::removal, facts));
    for (const Phase phase : {Phase::starting, Phase::bootstrapping, Phase::fenced, Phase::stopping, Phase::failed}) {
        facts = well();
        facts.phase = phase;
        CHECK(refuse_job(JobKind::backup, facts));
        CHECK_FALSE(refuse_job(JobKind::drill, facts));
        CHECK_FALSE(refuse_job(JobKind::removal, facts));
    }
}

TEST_CASE("what becomes of a job is judged from its last line and its end") {
    ActiveJob job;
    take_line(job, JobProgress{"20261121T010000", "copying", 5, 50});
    CHECK(job.shown.id == "20261121T010000");
    CHECK(job.shown.done_bytes == 5);

    SECTION("done") {
        take_line(job, JobResult{.done = true, .id = "20261121T010000", .bytes = 50});
        CHECK(conclude(job, exited(0)).end == JobEnd::done);
        CHECK(conclude(job, exited(0)).result.bytes == 50);
    }
    SECTION("it says why it failed") {
        take_line(job, JobResult{.done = false, .detail = "the store is full", .hint = "make room"});
        const auto outcome = conclude(job, exited(1));
        CHECK(outcome.end == JobEnd::failed);
        CHECK(outcome.result.detail == "the store is full");
        CHECK(outcome.result.id == "20261121T010000");
    }
    SECTION("it says nothing, or the contrary of how it ends") {
        CHECK(conclude(job, ExitStatus{ExitStatus::How::killed, 9}).result.detail.find("signal 9") !=
              std::string::npos);
        take_line(job, JobResult{.done = true, .detail = "well"});
        const auto outcome = conclude(job, exited(1));
        CHECK(outcome.end == JobEnd::failed);
        CHECK(outcome.result.detail == "it ended with exit status 1");
    }
    SECTION("a removal of what is to stay is refused, a backup that may not be taken failed") {
        take_line(job, JobResult{.done = false, .detail = "it is the only one", .hint = "take another one first"});
        CHECK(conclude(job, exited(3)).end == JobEnd::failed);
        job.kind = JobKind::removal;
        CHECK(conclude(job, exited(3)).end == JobEnd::refused);
        CHECK(conclude(job, exited(3)).result.hint == "take another one first");
        CHECK(conclude(job, exited(1)).end == JobEnd::failed);
        job.result.reset();
        CHECK(conclude(job, exited(3)).end == JobEnd::failed);
    }
    SECTION("a drill that could not begin is refused, one that begins and fails is not") {
        job.kind = JobKind::drill;
        take_line(job, JobResult{.detail = "another drill runs", .refused = true});
        CHECK(conclude(job, exited(3)).end == JobEnd::refused);
        CHECK(conclude(job, exited(2)).end == JobEnd::refused);
        CHECK(conclude(job, exited(1)).end == JobEnd::failed);
        take_line(job, JobResult{.detail = "the backup lacks WAL"});
        CHECK(conclude(job, exited(3)).end == JobEnd::failed);
    }
    SECTION("told to end") {
        job.kill_at = Instant(1s);
        CHECK(conclude(job, ExitStatus{ExitStatus::How::killed, 15}).end == JobEnd::cancelled);
        take_line(job, JobResult{.done = true});
        CHECK(conclude(job, exited(0)).end == JobEnd::done);
    }
}

TEST_CASE("what is remembered of jobs is read as it was written, and nonsense is passed over") {
    JobMemory memory;
    memory.backup_failed_at = WallTime(5us);
    memory.backup_error = "two\nlines";
    memory.drill_at = WallTime(7s);
    memory.drill_id = "20261121T010000";
    memory.drill_ok_at = WallTime(6s);
    memory.recovery_s = 412.5;

    auto again = parse_job_memory(render(memory));

    CHECK(again.backup_error == "two lines");
    again.backup_error = memory.backup_error;
    CHECK(again == memory);
    CHECK(parse_job_memory("") == JobMemory{});
    CHECK(parse_job_memory("drill_at\nbackup_failed_at x\nunknown 1\n\n ") == JobMemory{});
}

TEST_CASE("a drill of somebody else's counts when it is newer, and one that failed leaves the last good one") {
    JobMemory memory;
    note_drill(memory, {.done = true, .id = "a", .recovery_seconds = 2}, WallTime(10s));

    CHECK_FALSE(take_drill(memory, {.done = false, .id = "b", .detail = "x"}, WallTime(9s)));
    CHECK_FALSE(take_drill(memory, {.done = true, .id = "a"}, WallTime(10s)));
    CHECK(memory.drill_ok);
    CHECK(take_drill(memory, {.done = false, .id = "b", .detail = "x"}, WallTime(11s)));

    CHECK_FALSE(memory.drill_ok);
    CHECK(memory.drill_id == "b");
    CHECK(memory.drill_error == "x");
    CHECK(memory.drill_at == WallTime(11s));
    CHECK(memory.drill_ok_at == WallTime(10s));
    CHECK(memory.recovery_s == 2);
}

TEST_CASE("of a primary and its standbys the standby takes the scheduled backup, and the primary when none does") {
    const BackupSettings prefer_standby;
    BackupSettings for_primary;
    for_primary.target = BackupTarget::primary;
    InstanceStatus standby = primary();
    standby.role = Role::standby;
    standby.lsn.streaming = true;
    using What = Moment::What;

    CHECK(judge_backup_moment(primary(), prefer_standby, 0s).what == What::act);
    CHECK(judge_backup_moment(primary({{"pg-2", "streaming", "async", "", 0}}), prefer_standby, 0s).what ==
          What::act_later);
    CHECK(judge_backup_moment(primary({{"pg-2", "catchup", "async", "", 0}}), prefer_standby, 0s).what == What::act);
    CHECK(judge_backup_moment(primary({{"pg-2", "streaming", "async", "", 0}}), for_primary, 0s).what == What::act);
    CHECK(judge_backup_moment(standby, prefer_standby, 0s).what == What::act);
    const auto not_its_task = judge_backup_moment(standby, for_primary, 0s);
    CHECK(not_its_task.what == What::skip);
    CHECK_FALSE(not_its_task.of_interest);
    standby.lsn.streaming = false;
    CHECK(judge_backup_moment(standby, prefer_standby, 0s).reason == "this standby does not stream");
    auto busy = primary();
    busy.backup.running.emplace().id = "20261121T010000";
    CHECK(judge_backup_moment(busy, prefer_standby, 0s).reason == "backup 20261121T010000 still runs");
    auto fenced = primary();
    fenced.phase = Phase::fenced;
    CHECK(judge_backup_moment(fenced, prefer_standby, 0s).reason == "the phase is fenced");
    CHECK(judge_backup_moment(primary(), prefer_standby, 11min).what == What::skip);
    CHECK(judge_backup_moment(primary(), prefer_standby, 10min).what == What::act);
}

TEST_CASE("a scheduled backup is incremental while the newest full one is young enough") {
    BackupSettings settings;
    settings.incremental = true;
    settings.full_every = 24h;
    const WallTime now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21);
    CatalogSummary catalog;
    const auto add = [&](const char* kind, const char* status, Duration ago) {
        CatalogEntry entry;
        entry.kind = kind;
        entry.status = status;
        entry.end_at = now - std::chrono::duration_cast<std::chrono::microseconds>(ago);
        catalog.backups.push_back(entry);
    };

    CHECK_FALSE(wants_incremental(settings, nullptr, now));
    CHECK_FALSE(wants_incremental(settings, &catalog, now));
    add("full", "done", 25h);
    CHECK_FALSE(wants_incremental(settings, &catalog, now));
    add("full", "done", 23h);
    add("full", "failed", 1h);
    add("incremental", "done", 1h);
    CHECK(wants_incremental(settings, &catalog, now));
    settings.incremental = false;
    CHECK_FALSE(wants_incremental(settings, &catalog, now));
}
