// The rejoin of a cluster that is followed by its archive: the archiver's program is what the test speaks for.
#include <boost/asio/co_spawn.hpp>
#include <csignal>

#include "outside.hpp"
#include "supervision/rejoiner.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"
#include "unit/postgres/control_bytes.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

using Words = std::vector<std::string>;

constexpr ExitStatus well{ExitStatus::How::exited, 0};
constexpr ExitStatus badly{ExitStatus::How::exited, 3};
constexpr std::uint32_t segment = 16 << 20;
const std::string marker = "/v/pgbosun/bootstrapping";
const std::string last_segment = "000000010000000000000008";

// The far cluster is on timeline 1, its archive ends with segment 8, and there is one backup.
CatalogSummary far_archive() {
    CatalogEntry entry;
    entry.id = "20261121T010000";
    entry.status = "done";
    entry.begin_lsn = "0/5000028";
    entry.end_at = WallTime(std::chrono::hours(1));
    entry.system_id = 7;
    CatalogSummary summary;
    summary.backups = {entry};
    summary.recoverable_from = entry.end_at;
    summary.last_wal = last_segment;
    summary.wal_segment_size = segment;
    return summary;
}

struct Fixture : test::Outside {
    Fixture() {
        settings.volume = "/v";
        settings.archive.emplace();
        settings.bootstrap.recovery.emplace().source.emplace();
        files.add_directory("/v/pgbosun");
        outside.machine.server_major = 17;
        outside.archiver.command = [](Words arguments) {
            Command command;
            command.program = "/bin/pgbosun-archiver";
            command.arguments = std::move(arguments);
            return command;
        };
        outside.archiver.parse_line = [](std::string_view) -> Result<JobLine> {
            return JobResult{.done = true, .id = "20261121T010000"};
        };
        outside.archiver.parse_summary = [this](std::string_view) -> Result<CatalogSummary> { return archive; };
    }

    // Data of that cluster, or of one that went on from it, at rest.
    void hold(postgres::StartMode start, wal::TimelineHistory history, Lsn checkpoint) {
        auto& usable = inspection.usable.emplace();
        usable.start = start;
        usable.control.state = start == postgres::StartMode::primary ? postgres::ClusterState::shut_down
                                                                     : postgres::ClusterState::in_archive_recovery;
        usable.control.system_id = SystemId{7};
        usable.control.timeline = history.timeline;
        usable.control.checkpoint = checkpoint;
        usable.control.min_recovery_point = start == postgres::StartMode::primary ? Lsn{} : checkpoint;
        usable.control.wal_segment_size = segment;
        usable.control.data_checksum_version = 1;
        files.add_file("/v/pgdata/PG_VERSION", "17\n");
        files.add_directory("/v/pgdata/pg_wal");
        if (history.timeline != Timeline{1})
            files.add_file("/v/pgdata/pg_wal/00000002.history", wal::render_history(history));
    }
    void begin(instance::Attempts attempts = {}) {
        report.reset();
        boost::asio::co_spawn(loop, rejoiner.run(settings, inspection, std::string(archive_source), attempts),
                              [this](std::exception_ptr, Rejoiner::Report it) { report = std::move(it); });
    }
    void until_child(std::size_t count) {
        test::run_until(loop, [&] { return processes.children.size() == count || report; });
        REQUIRE(processes.children.size() == count);
    }
    void until_over() {
        test::run_until(loop, [&] { return report.has_value(); });
    }
    const Words& words(std::size_t child) { return processes.children.at(child).command.arguments; }
    void tell_archive(std::size_t child = 0) {
        until_child(child + 1);
        CHECK(words(child) == Words{"catalog", "summary", "--report", "json", "--source"});
        processes.say(child, "here it is\n");
        processes.end(child, well);
    }
    bool has(const std::string& path) { return files.nodes.contains(path); }
    std::string content(const std::string& path) { return has(path) ? files.nodes[path].content : "nothing"; }
    std::ptrdiff_t place(const std::string& change) {
        const auto found = std::ranges::find(files.changes, change);
        REQUIRE(found != files.changes.end());
        return found - files.changes.begin();
    }

    CatalogSummary archive = far_archive();
    Inspection inspection;  // of an empty volume
    std::optional<Rejoiner::Report> report;
    Words plans;
    Bootstrapper bootstrapper{outside, [](std::string_view, std::string_view) {}, {}};
    Rejoiner rejoiner{outside,
                      bootstrapper,
                      {.line = [](std::string_view, std::string_view) {},
                       .foreign_wal = [] { return true; },
                       .losing_data = []() -> Task<Result<>> { co_return Result<>(); },
                       .record = [](const auto&, const auto&) {},
                       .planned = [this](const instance::RejoinPlan& plan, const auto&,
                                         const auto&) { plans.emplace_back(instance::name_of(plan)); },
                       .refused = {},
                       .cloning = [](const auto&, const auto&) {}}};
};

const wal::TimelineHistory on_one{Timeline{1}, {}};
const wal::TimelineHistory on_two{Timeline{2}, {{Timeline{1}, Lsn{0x7000000}, "no reason"}}};

}  // namespace

TEST_CASE("an empty volume gets a standby of the backup that the source's archive has, which follows at once") {
    Fixture it;
    it.archive.last_wal = "000000040000000000000008";
    it.archive.timeline = 4;
    it.archive.history = "1\t0/3000000\tno reason\n2\t0/4000000\tno reason\n3\t0/7000000\tno reason\n";
    it.begin();
    it.tell_archive();
    it.until_child(2);
    CHECK(it.words(1) == Words{"restore", "--bootstrap", "--standby", "--report", "json", "--anew"});
    CHECK(it.has(marker));
    it.files.add_file("/v/pgdata/global/pg_control", test::control_bytes());  // on timeline 3
    it.files.add_directory("/v/pgdata/pg_wal");
    it.processes.say(1, "done\n");
    it.processes.end(1, well);
    it.until_over();

    CHECK(it.plans == Words{"clone"});
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK(it.report->compared);
    CHECK(it.content("/v/pgdata/pg_wal/00000003.history") == "1\t0/3000000\tno reason\n2\t0/4000000\tno reason\n");
    // Killed before the marker goes, it begins anew; after that it must be a standby.
    CHECK_FALSE(it.has(marker));
    CHECK(it.place("write_durably /v/pgdata/standby.signal") < it.place("remove_durably " + marker));
}

TEST_CASE("a restore that the store prevents is begun again later") {
    Fixture it;
    it.begin();
    it.tell_archive();
    it.until_child(2);
    it.processes.end(1, {ExitStatus::How::exited, 4});
    it.until_over();

    CHECK(it.report->outcome == instance::BootstrapOutcome::primary_absent);
    CHECK(it.has(marker));
}

TEST_CASE("nothing is restored, and no data is put aside, while the archive has no backup that reaches its end") {
    Fixture it;
    const bool has_data = GENERATE(false, true);
    if (has_data) it.hold(postgres::StartMode::primary, on_two, Lsn{0x7100028});
    it.archive.recoverable_from.reset();
    it.begin();
    it.tell_archive();
    it.until_over();

    CHECK(it.plans.empty());
    CHECK_FALSE(it.report->compared);
    if (has_data) {
        CHECK(it.report->outcome == instance::BootstrapOutcome::done);
        CHECK(it.has("/v/pgdata/standby.signal"));
    } else {
        CHECK(it.report->outcome == instance::BootstrapOutcome::primary_absent);
        CHECK(it.report->reason == "the source's archive has no backup from which its end is reached");
    }
    CHECK(it.has("/v/pgdata/PG_VERSION") == has_data);
    CHECK_FALSE(it.has("/v/pgdata.old"));
}

TEST_CASE("a configuration that names no archive to follow, or a target, is said, and data comes up for reading") {
    Fixture it;
    const bool has_data = GENERATE(false, true);
    const int lack = GENERATE(0, 1, 2);
    if (has_data) it.hold(postgres::StartMode::standby, on_one, Lsn{0x6000028});
    if (lack == 0) it.settings.bootstrap.recovery.reset();
    if (lack == 1) it.settings.bootstrap.recovery->target.immediate = true;
    if (lack == 2) it.settings.bootstrap.recovery->target.timeline = "1";

    it.begin();
    it.until_over();

    CHECK(it.processes.children.empty());
    CHECK_FALSE(it.report->compared);
    if (has_data) {
        CHECK(it.report->outcome == instance::BootstrapOutcome::done);
        CHECK(it.has("/v/pgdata/standby.signal"));
    } else {
        CHECK(it.report->outcome == instance::BootstrapOutcome::primary_absent);
        CHECK(it.report->reason.find(lack == 0 ? "does not name" : "has a target") != std::string::npos);
    }
}

TEST_CASE("a standby that is started again comes up with its own WAL, and is compared when its end is known") {
    Fixture it;
    it.hold(postgres::StartMode::standby, on_one, Lsn{0x6000100});
    it.files.add_file("/v/pgdata/pg_wal/000000010000000000000006", std::string(0x100, 'x'));
    it.begin();
    it.tell_archive();
    it.until_child(2);
    CHECK(it.words(1) == Words{"wal-restore", "--bootstrap", "000000010000000000000006",
                               "/v/pgbosun/compare-at-rest/000000010000000000000006"});
    it.processes.end(1, {ExitStatus::How::exited, 1});
    it.until_over();

    CHECK(it.plans == Words{"wait"});
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK_FALSE(it.report->compared);
    CHECK_FALSE(it.has("/v/pgbosun/compare-at-rest"));
}

TEST_CASE("data that went on along a timeline of its own is kept aside, and made anew from the source's archive") {
    Fixture it;
    it.hold(postgres::StartMode::primary, on_two, Lsn{0x7100028});
    it.files.add_file("/v/pgdata/pg_wal/000000010000000000000006", std::string(segment, 'x'));
    it.begin();
    it.tell_archive();
    it.until_child(2);
    CHECK(it.words(1).front() == "wal-restore");
    // The archive has the same there.
    it.files.add_file(it.words(1).back(), std::string(segment, 'x'));
    it.processes.end(1, well);
    it.until_child(3);

    CHECK(it.plans == Words{"reclone"});
    CHECK(it.words(2).front() == "restore");
    CHECK(it.has("/v/pgdata.old/PG_VERSION"));
}

TEST_CASE("an archive that does not answer keeps nobody from being read, and nobody is made without it") {
    Fixture it;
    const bool has_data = GENERATE(false, true);
    if (has_data) it.hold(postgres::StartMode::standby, on_one, Lsn{0x6000100});
    it.begin();
    it.until_child(1);
    it.processes.end(0, badly);
    it.until_over();

    CHECK(it.plans.empty());
    CHECK(it.report->outcome ==
          (has_data ? instance::BootstrapOutcome::done : instance::BootstrapOutcome::primary_absent));
    CHECK_FALSE(it.report->compared);
}

TEST_CASE("a rejoin that is cancelled while it looks at the source's archive touches nothing") {
    Fixture it;
    it.hold(postgres::StartMode::primary, on_two, Lsn{0x7100028});
    it.files.changes.clear();
    it.begin();
    it.until_child(1);
    it.rejoiner.cancel(false);
    CHECK(it.processes.children[0].signals == std::vector<int>{SIGKILL});
    it.processes.end(0, {ExitStatus::How::killed, SIGKILL});
    it.until_over();

    CHECK(it.report->outcome == instance::BootstrapOutcome::failed);
    CHECK(it.files.changes.empty());
}
