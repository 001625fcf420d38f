// Clones over processes and a primary that the test speaks for.
#include <boost/asio/co_spawn.hpp>
#include <csignal>

#include "outside.hpp"
#include "supervision/clone_memory.hpp"
#include "supervision/rejoiner.hpp"
#include "support/catch.hpp"
#include "support/run.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

using Words = std::vector<std::string>;

constexpr std::uint64_t megabyte = 1 << 20;
constexpr ExitStatus well{ExitStatus::How::exited, 0};
constexpr ExitStatus badly{ExitStatus::How::exited, 1};
const std::string marker = "/v/pgbosun/bootstrapping";
const std::string memory = "/v/pgbosun/archive-clone";

// Lines of the pretended program: "progress DONE", "done ID", "failed WHY".
Result<JobLine> parse_line(std::string_view line) {
    const auto rest = std::string(line.substr(line.find(' ') + 1));
    if (line.starts_with("progress ")) return JobProgress{"20261121T010000", "copying", std::stoull(rest), 10};
    if (line.starts_with("done ")) return JobResult{.done = true, .id = rest};
    if (line.starts_with("failed ")) return JobResult{.done = false, .detail = rest, .hint = "look at it"};
    return fail(FaultKind::refused, "no such line");
}

CatalogSummary one_backup() {
    CatalogEntry entry;
    entry.id = "20261121T010000";
    entry.status = "done";
    entry.kind = "full";
    entry.begin_lsn = "0/10000000";
    entry.end_lsn = "0/10000100";
    entry.end_at = WallTime(std::chrono::hours(1));
    entry.timeline = 2;
    entry.bytes = 100 * megabyte;
    entry.system_id = 7;
    CatalogSummary summary;
    summary.backups = {entry};
    summary.recoverable_from = entry.end_at;
    summary.last_wal = "000000020000000000000010";
    return summary;
}

// A primary on timeline 2, and an archive with one backup of it.
struct Fixture : test::Outside {
    Fixture() {
        settings.volume = "/v";
        settings.postgresql.bin_dir = "/bin";
        settings.archive.emplace();
        files.add_directory("/v/pgbosun");
        outside.machine.account = "postgres";
        outside.machine.server_major = 17;
        outside.open_upstream = [this](std::string) -> Task<Result<std::unique_ptr<PgSession>>> {
            std::unique_ptr<PgSession> opened = std::make_unique<test::FakePgSession>(server);
            co_return opened;
        };
        server->answer = [](const std::string& sql, const std::vector<Field>&) -> Result<Rows> {
            if (sql.find("pg_control_system") != std::string::npos)
                return Rows{{}, {{"f", "7", "170002", "2", "0/11000000", "2"}}};
            if (sql.find("pg_stat_replication") != std::string::npos) return Rows{{}, {{"false", "5000"}}};
            if (sql.find("pg_database_size") != std::string::npos) return Rows{{}, {{"104857600"}}};
            return Rows{{}, {{"1\t0/8000000\tno reason\n"}}};
        };
        outside.archiver.command = [](std::vector<std::string> arguments) {
            Command command;
            command.program = "/bin/pgbosun-archiver";
            command.arguments = std::move(arguments);
            return command;
        };
        outside.archiver.parse_line = parse_line;
        outside.archiver.parse_summary = [](std::string_view) -> Result<CatalogSummary> { return one_backup(); };
    }

    void begin(instance::Attempts attempts = {}) {
        report.reset();
        boost::asio::co_spawn(loop, rejoiner.run(settings, inspection, "host=pg-1", attempts),
                              [this](std::exception_ptr, Rejoiner::Report it) { report = std::move(it); });
    }
    void until(const std::function<bool()>& so) { test::run_until(loop, so); }
    void wait_for_child(std::size_t count) {
        until([&] { return processes.children.size() == count || report; });
        REQUIRE(processes.children.size() == count);
    }
    const Command& command(std::size_t index) { return processes.children.at(index).command; }
    // The look at the catalog is the first child.
    void tell_catalog() {
        wait_for_child(1);
        CHECK(command(0).arguments == Words{"catalog", "summary", "--report", "json"});
        processes.say(0, "here it is\n");
        processes.end(0, well);
    }
    void copy_files() { files.add_directory("/v/pgdata/pg_wal"); }
    void end(std::size_t index, ExitStatus status) {
        processes.end(index, status);
        until([&] { return report || processes.children.size() > index + 1; });
    }
    bool has(const std::string& path) { return files.nodes.contains(path); }
    std::string content(const std::string& path) { return has(path) ? files.nodes[path].content : "nothing"; }
    std::ptrdiff_t place(const std::string& change) {
        const auto found = std::ranges::find(files.changes, change);
        REQUIRE(found != files.changes.end());
        return found - files.changes.begin();
    }
    bool told(const std::string& text) {
        return std::ranges::any_of(journal, [&](const auto& line) { return line.find(text) != std::string::npos; });
    }

    Inspection inspection;  // of an empty volume
    std::optional<Rejoiner::Report> report;
    Words journal;
    Bootstrapper bootstrapper{outside, [](std::string_view, std::string_view) {}, {}};
    Rejoiner rejoiner{outside,
                      bootstrapper,
                      {.line = [](std::string_view, std::string_view) {},
                       .foreign_wal = {},
                       .losing_data = []() -> Task<Result<>> { co_return Result<>(); },
                       .record = [](const auto&, const auto&) {},
                       .planned = [](const auto&, const auto&, const auto&) {},
                       .refused = {},
                       .cloning =
                           [this](std::string what, const Rejoiner::Facts& facts) {
                               for (const auto& [name, value] : facts) what += " " + name + "=" + value;
                               journal.push_back(std::move(what));
                           }}};
};

bool is_base_backup(const Command& command) { return command.program.ends_with("/pg_basebackup"); }

}  // namespace

TEST_CASE("a clone from the archive is a standby that reads it, and is compared before it follows") {
    Fixture it;
    it.begin();
    it.tell_catalog();
    it.wait_for_child(2);
    CHECK(it.command(1).arguments ==
          Words{"restore", "--standby", "--backup", "20261121T010000", "--report", "json", "--anew"});
    CHECK(it.has(marker));

    it.processes.say(1, "progress 4\n");
    it.until([&] { return it.bootstrapper.progress()->done_bytes == 4; });
    CHECK(it.bootstrapper.progress()->what == "restore: copying");
    CHECK_FALSE(it.rejoiner.progress());

    it.copy_files();
    it.processes.say(1, "done 20261121T010000\n");
    it.end(1, well);

    REQUIRE(it.report);
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK_FALSE(it.report->compared);
    CHECK(it.content("/v/pgdata/pg_wal/00000002.history") == "1\t0/8000000\tno reason\n");
    CHECK(it.content(memory) == "restored\n");
    CHECK_FALSE(it.has(marker));
    // Killed before the marker goes, it begins anew; after that it must be a standby, and known as restored.
    CHECK(it.place("write_durably /v/pgdata/standby.signal") < it.place("remove_durably " + marker));
    CHECK(it.place("write_durably " + memory) < it.place("remove_durably " + marker));
    CHECK(it.journal == Words{"clone: from the archive, for little WAL has been written since the backup began "
                              "primary=2@0/11000000 data_bytes=104857600 backup=20261121T010000 "
                              "backup_begin=2@0/10000000 backup_end=0/10000100 "
                              "backup_end_at=1970-01-01T01:00:00.000Z backup_bytes=104857600 wal_bytes=16777216"});
}

TEST_CASE("when the restore fails, pg_basebackup makes the clone at once, and the next one too") {
    Fixture it;
    it.begin();
    it.tell_catalog();
    it.wait_for_child(2);
    it.processes.say(1, "failed an object is gone\n");
    it.end(1, badly);
    it.wait_for_child(3);
    CHECK(is_base_backup(it.command(2)));
    CHECK(
        it.told("clone: from the primary, for the restore of the backup failed backup=20261121T010000 reason=an object "
                "is gone"));
    it.copy_files();
    it.end(2, well);

    REQUIRE(it.report);
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK(it.report->compared);
    CHECK(it.has("/v/pgdata/standby.signal"));
    CHECK(it.content(memory) == "failed\n");

    it.begin();
    it.wait_for_child(4);
    CHECK(is_base_backup(it.command(3)));
}

TEST_CASE("what was restored and never streamed is not restored again, until a clone has streamed") {
    Fixture it;
    it.files.add_file(memory, "restored\n");
    it.begin();
    it.wait_for_child(1);
    CHECK(is_base_backup(it.command(0)));
    CHECK(it.content(memory) == "failed\n");
    CHECK(it.journal == Words{"clone: from the primary, for the last one from the archive has not come to stream"});
    it.copy_files();
    it.end(0, well);
    REQUIRE(it.report);

    bool forgotten = false;
    boost::asio::co_spawn(it.loop, it.rejoiner.forget_old_data(it.settings),
                          [&](std::exception_ptr) { forgotten = true; });
    it.until([&] { return forgotten; });
    CHECK_FALSE(it.has(memory));
    it.files.nodes.erase("/v/pgdata");
    it.begin();
    it.wait_for_child(2);
    CHECK(it.command(1).arguments.front() == "catalog");
}

TEST_CASE("killed in the middle of a restore, the clone begins anew from the archive") {
    Fixture it;
    it.files.add_file(marker, "restore\n");
    it.files.add_file("/v/pgdata/half", "");
    it.begin();
    it.tell_catalog();
    it.wait_for_child(2);
    CHECK(it.command(1).arguments.front() == "restore");
    // That removes what is left, for only it knows of the tablespaces.
    CHECK(it.command(1).arguments.back() == "--anew");
    CHECK_FALSE(it.has("/v/pgdata.old"));
}

TEST_CASE("data whose WAL is gone is kept beside the clone from the archive") {
    Fixture it;
    it.inspection.usable.emplace();
    it.inspection.usable->control.system_id = SystemId{7};
    it.inspection.usable->control.timeline = Timeline{1};
    it.files.add_file("/v/pgdata/PG_VERSION", "17\n");
    it.begin({.wal_gone = true});
    it.tell_catalog();
    it.wait_for_child(2);
    CHECK(it.command(1).arguments.front() == "restore");
    CHECK(it.has("/v/pgdata.old/PG_VERSION"));
}

TEST_CASE("a clone that is cancelled ends what runs and begins nothing else") {
    Fixture it;
    it.begin();
    it.wait_for_child(1);
    const bool while_looking = GENERATE(true, false);
    if (while_looking) {
        it.rejoiner.cancel(false);
        CHECK(it.processes.children[0].signals == std::vector<int>{SIGKILL});
        it.end(0, {ExitStatus::How::killed, SIGKILL});
    } else {
        it.tell_catalog();
        it.wait_for_child(2);
        it.rejoiner.cancel(false);
        CHECK(it.processes.children[1].signals == std::vector<int>{SIGTERM});
        it.end(1, {ExitStatus::How::killed, SIGTERM});
    }
    it.until([&] { return it.report.has_value(); });
    CHECK(it.report->outcome == instance::BootstrapOutcome::failed);
    CHECK(it.report->reason == "the rejoin was cancelled");
    CHECK(it.processes.children.size() == (while_looking ? 1 : 2));
    CHECK_FALSE(it.has(memory));
}

TEST_CASE("who has no archive, or wants the primary, clones from the primary without a look") {
    Fixture it;
    const bool no_archive = GENERATE(true, false);
    if (no_archive) it.settings.archive.reset();
    it.settings.bootstrap.clone_from = no_archive ? CloneFrom::quicker : CloneFrom::primary;
    it.begin();
    it.wait_for_child(1);
    CHECK(is_base_backup(it.command(0)));
    CHECK(it.journal.empty());
}

TEST_CASE("an archive that does not answer keeps nobody from being cloned") {
    Fixture it;
    it.begin();
    it.wait_for_child(1);
    it.end(0, badly);
    it.wait_for_child(2);
    CHECK(is_base_backup(it.command(1)));
    CHECK(it.told("clone: from the primary, for the archive cannot be looked at"));
    CHECK_FALSE(it.has(memory));
}
