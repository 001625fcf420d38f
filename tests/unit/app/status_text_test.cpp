#include "app/status_text.hpp"
#include "app/work_text.hpp"

#include "app/journal_text.hpp"
#include "containing.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using namespace std::chrono_literals;

namespace {

InstanceStatus running_primary() {
    InstanceStatus s;
    s.instance = "pg-1";
    s.cluster = "orders";
    s.now = Instant(10h);
    s.phase = Phase::running;
    s.role = Role::primary;
    s.timeline = Timeline{3};
    s.started = s.ready = true;
    s.postgres = {41, 170011, s.now - 1h - 5min, 0, true, {}, ""};
    s.lsn.current = Lsn{0x5000060};
    s.standbys = {{"pg-2", "streaming", "quorum", "", 0}, {"pg-long", "catchup", "async", "", 5U << 20}};
    s.archive = ArchiveReport{};
    s.archive->target = "s3://backups/orders";
    s.archive->last_wal = "000000030000000000000004";
    s.archive->last_at = "2026-11-21T01:41:32.725Z";
    s.volumes = {{"data", "/data", 100ULL << 30, 40ULL << 30, {}, {}, {}, 0.001}};
    return s;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

TEST_CASE("a running primary at a glance") {
    CHECK(status_text(running_primary(), Colour::never) ==
          "pg-1 (orders): running, primary, ready\n"
          "  postgres    17.11, pid 41, up 1h 5min, checksums on\n"
          "  lsn         0/5000060, timeline 3\n"
          "  standbys    pg-2     streaming, quorum, 0 B behind\n"
          "              pg-long  catchup, async, 5.0 MB behind\n"
          "  archive     s3://backups/orders, last 000000030000000000000004 at 2026-11-21T01:41:32.725Z\n"
          "  volumes     data: 40.0 GB free of 100 GB, /data\n");
}

TEST_CASE("a member that is asked in vain is named with the reason") {
    auto s = running_primary();
    s.managed.emplace().silent = {{"pg-2", "TLS with pg-2:8008: certificate verify failed", s.now - 2min}};

    CHECK_THAT(status_text(s, Colour::never),
               pgbosun::app::test::containing("  members     pg-2 is asked in vain for 2min: TLS with pg-2:8008: "
                                              "certificate verify failed\n"));
}

TEST_CASE("a slot that nobody reads by is named with what it keeps") {
    auto s = running_primary();
    s.slots = {{"consumer", "physical", false, 12ULL << 30, "extended"},
               {"_pgbosun_pg_2", "physical", true, 1, "reserved"},
               {"changes", "logical", false, {}, "lost"}};

    CHECK_THAT(status_text(s, Colour::never),
               pgbosun::app::test::containing(
                   "  slots       consumer, physical, nobody reads by it, keeps 12.0 GB of WAL\n"
                   "              changes, logical, nobody reads by it, and what it needs is gone\n"));
}

TEST_CASE("a lagging standby says why it is not ready") {
    auto s = running_primary();
    s.role = Role::standby;
    s.ready = false;
    s.ready_reason = "replay is 64 MB behind, max_lag is 16 MB";
    s.slots = {{"consumer", "physical", false, 1, "reserved"}};
    s.standbys.clear();
    s.lsn = {{}, Lsn{0x9000000}, Lsn{0x5000000}, 64U << 20, true, {}, false};

    const auto text = status_text(s, Colour::never);

    CHECK(first_line(text) == "pg-1 (orders): running, standby, not ready: replay is 64 MB behind, max_lag is 16 MB");
    CHECK_THAT(text, pgbosun::app::test::containing("  lsn         replayed 0/5000000, received 0/9000000, timeline 3\n"
                                                    "  upstream    streaming, 64.0 MB behind\n"));
    CHECK_THAT(text, !pgbosun::app::test::containing("standbys"));
    CHECK_THAT(text, !pgbosun::app::test::containing("consumer"));

    s.lsn.sender = "10.0.0.7:5432";
    s.managed.emplace().upstream = "host=pg-1,pg-2";
    CHECK_THAT(status_text(s, Colour::never),
               pgbosun::app::test::containing("  upstream    streaming from 10.0.0.7:5432, 64.0 MB behind, told to "
                                              "follow host=pg-1,pg-2\n"));
}

TEST_CASE("a fenced instance says by whom and since when") {
    auto s = running_primary();
    s.phase = Phase::fenced;
    s.role = Role::none;
    s.ready = false;
    s.ready_reason = "fenced";
    s.fenced = FenceStatus{"disk is being replaced", "2026-11-21T01:00:00.000Z"};
    s.postgres.pid = 0;

    const auto text = status_text(s, Colour::never);

    CHECK(first_line(text) == "pg-1 (orders): fenced, not ready: fenced");
    CHECK_THAT(
        text, pgbosun::app::test::containing("  fenced      since 2026-11-21T01:00:00.000Z: disk is being replaced\n"));
    CHECK_THAT(text, pgbosun::app::test::containing("  postgres    17.11, not running, checksums on\n"));
}

TEST_CASE("a failed instance says why, and on the next line what to do") {
    auto s = running_primary();
    s.phase = Phase::failed;
    s.role = Role::none;
    s.ready = false;
    s.live = false;
    s.reason = "pg_control is damaged";
    s.hint = "restore the volume from a backup";

    const auto text = status_text(s, Colour::never);

    CHECK_THAT(text, Catch::Matchers::StartsWith("pg-1 (orders): failed, not ready: pg_control is damaged\n"
                                                 "  hint        restore the volume from a backup\n"));
    CHECK_THAT(text, pgbosun::app::test::containing("  liveness    fails\n"));
    CHECK_THAT(status_text(s, Colour::always), pgbosun::app::test::containing("\x1b[31mfailed, not ready\x1b[0m"));
}

TEST_CASE("a full and a hanging disk are named") {
    auto s = running_primary();
    s.phase = Phase::stopped;
    s.ready = false;
    s.reason = "no room for one more WAL segment on /data";
    s.hint = "free 16 MB; PostgreSQL then starts by itself";
    s.volumes = {{"data", "/data", 100ULL << 30, 1U << 20, {}, "No space left on device", s.now - 8s, 0},
                 {"wal", "/wal", 0, 0, s.now - 200s, {}, {}, 0}};

    CHECK_THAT(status_text(s, Colour::never),
               pgbosun::app::test::containing("  volumes     data: 1.0 MB free of 100 GB, /data\n"
                                              "              data: full for 8s\n"
                                              "              data: No space left on device\n"
                                              "              wal: /wal\n"
                                              "              wal: a write hangs for 3min 20s\n"));
}

TEST_CASE("an archive that fails says since when and why") {
    auto s = running_primary();
    s.archive->backlog = 133;
    s.archive->failing_since = "2026-11-21T01:50:00.000Z";
    s.archive->last_error = "503 Service Unavailable";

    const auto text = status_text(s, Colour::never);

    CHECK_THAT(text, pgbosun::app::test::containing(", 133 waiting\n"));
    CHECK_THAT(text,
               pgbosun::app::test::containing("failing since 2026-11-21T01:50:00.000Z: 503 Service Unavailable\n"));
    s.archive_refused = "demoted";
    CHECK_THAT(status_text(s, Colour::never), pgbosun::app::test::containing("not archiving: demoted\n"));
    s.archive.reset();
    CHECK_THAT(status_text(s, Colour::never), pgbosun::app::test::containing("  archive     none\n"));
}

TEST_CASE("a silent server, a restart that is due, work under way and a blocked log are shown") {
    auto s = running_primary();
    s.postgres.silent_since = s.now - 9s;
    s.postgres.silent_reason = "no answer within 5s";
    s.postgres.restarts = 2;
    s.pending_restart = true;
    s.pending_restart_parameters = {"max_connections", "shared_buffers"};
    s.progress = ProgressStatus{"pg_basebackup", 1ULL << 30, 4ULL << 30, s.now - 90s};
    s.log = {1U << 20, s.now - 30s, 7};

    const auto text = status_text(s, Colour::never);

    CHECK_THAT(text, pgbosun::app::test::containing("2 crash restarts"));
    CHECK_THAT(text, pgbosun::app::test::containing("does not answer for 9s: no answer within 5s\n"));
    CHECK_THAT(text, pgbosun::app::test::containing(
                         "needs a restart for max_connections, shared_buffers (pgbosun restart)\n"));
    CHECK_THAT(text,
               pgbosun::app::test::containing(
                   "  progress    pg_basebackup: 1.0 GB of 4.0 GB (25 %), 11.4 MB/s, 4min 30s left, for 1min 30s\n"));
    CHECK_THAT(text, pgbosun::app::test::containing("  log         nobody reads stdout for 30s, 1.0 MB waiting\n"
                                                    "              7 lines were lost\n"));
}

TEST_CASE("how fast work goes, and how long it may take, is said as soon as it is known") {
    constexpr std::uint64_t mb = 1U << 20;
    CHECK(work_text("waiting", 0, 0, 5s) == "waiting");
    CHECK(work_text("copying", 10 * mb, 0, 500ms) == "copying: 10.0 MB");
    CHECK(work_text("copying", 10 * mb, 0, 2s) == "copying: 10.0 MB, 5.0 MB/s");
    CHECK(work_text("copying", 10 * mb, 20 * mb, 2s) == "copying: 10.0 MB of 20.0 MB (50 %), 5.0 MB/s, 2s left");
    CHECK(work_text("copying", 0, 20 * mb, 1h) == "copying: 0 B of 20.0 MB (0 %)");
    CHECK(work_text("copying", 20 * mb, 20 * mb, 4s) == "copying: 20.0 MB of 20.0 MB (100 %), 5.0 MB/s");
    CHECK(work_text("copying", 21 * mb, 20 * mb, 3s) == "copying: 21.0 MB of 20.0 MB (100 %), 7.0 MB/s");
}

TEST_CASE("what other hosts call themselves does not drive the terminal") {
    auto s = running_primary();
    s.standbys[0].name = "a\x1b[2J\nb";

    const auto text = status_text(s, Colour::never);

    CHECK(text.find('\x1b') == std::string::npos);
    CHECK_THAT(text, pgbosun::app::test::containing("a [2J b"));
}

TEST_CASE("ages for people") {
    CHECK(age_text(0s) == "0s");
    CHECK(age_text(-5s) == "0s");
    CHECK(age_text(59s) == "59s");
    CHECK(age_text(60s) == "1min");
    CHECK(age_text(25h) == "1d 1h");
}

TEST_CASE("a journal entry is one line") {
    JournalEntry entry{12, {}, "phase", "PostgreSQL\nhas come up", {{"pid", "41"}, {"role", "primary"}}};

    CHECK(journal_text(entry) ==
          "1970-01-01T00:00:00.000Z  #12  phase     PostgreSQL has come up  (pid=41 role=primary)");
}
