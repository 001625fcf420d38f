#include "supervision/rejoiner.hpp"

#include "support/catch.hpp"
#include "support/run.hpp"
#include "unit/supervision/outside.hpp"

using namespace pgbosun;
using namespace pgbosun::supervision;

namespace {

const std::string mark = "/volume/pgdata/pg_wal/archive_status/000000010000000000000004.ready";

// A former primary on timeline 1, with a segment to archive; its new primary left that timeline at 0/3000110.
struct Former : test::Outside {
    Former() {
        settings.volume = "/volume";
        settings.instance = "pg-1";
        settings.postgresql.bin_dir = "/bin";
        settings.archive.emplace();
        settings.bootstrap.clone_from = CloneFrom::primary;
        outside.machine.account = "postgres";
        outside.machine.server_major = 15;
        outside.archiver.command = [](std::vector<std::string> arguments) {
            Command command;
            command.program = "/bin/pgbosun-archiver";
            command.arguments = std::move(arguments);
            return command;
        };
        outside.archiver.parse_line = [](std::string_view line) -> Result<JobLine> {
            return JobResult{.done = line == "done", .id = {}, .detail = "so it was", .hint = {}};
        };
        outside.open_upstream = [this](std::string) -> Task<Result<std::unique_ptr<PgSession>>> {
            std::unique_ptr<PgSession> to_primary = std::make_unique<test::FakePgSession>(server);
            co_return to_primary;
        };
        server->answer = [this](const std::string& sql, const auto&) -> Result<Rows> {
            Rows rows;
            if (sql.find("pg_control_system") != std::string::npos) {
                rows.rows.push_back(
                    {Field("f"), Field("7"), Field("150000"), Field("2"), Field("0/6000000"), Field("2")});
            } else if (sql.find("pg_stat_replication") != std::string::npos) {
                rows.rows.push_back({Field(namesake ? "true" : "false"), Field("5000")});
            } else if (sql.find("unnest") != std::string::npos) {
                if (!primary_wal.empty()) rows.rows.push_back({Field(primary_wal)});
            } else {
                rows.rows.push_back({Field("1\t0/3000110\tno recovery target specified\n")});
            }
            return rows;
        };
        files.add_directory("/volume/pgbosun");
        files.add_file(mark, "");
        auto& usable = inspection.usable.emplace();
        usable.start = postgres::StartMode::primary;
        usable.control.system_id = SystemId{7};
        usable.control.state = postgres::ClusterState::in_production;
        usable.control.timeline = Timeline{1};
        usable.control.checkpoint = Lsn{0x4000028};
        usable.control.wal_segment_size = 16 << 20;
        usable.control.data_checksum_version = 1;
    }
    Rejoiner::Calls calls() {
        Rejoiner::Calls calls;
        calls.line = [](std::string_view, std::string_view) {};
        calls.losing_data = [this]() -> Task<Result<>> {
            ++losses;
            co_return Result<>();
        };
        calls.record = [this](std::string what, auto) { recorded.push_back(std::move(what)); };
        calls.planned = [this](const instance::RejoinPlan& plan, const auto&, const auto&) {
            plans.emplace_back(instance::name_of(plan));
        };
        calls.refused = [this](std::string what) { recorded.push_back(std::move(what)); };
        calls.cloning = [](std::string, auto) {};
        return calls;
    }
    void begin() {
        boost::asio::co_spawn(loop, rejoiner.run(settings, inspection, "host=primary", attempts),
                              [this](std::exception_ptr, Rejoiner::Report it) { report = std::move(it); });
    }
    void until_child(std::size_t count) {
        test::run_until(loop, [&] { return processes.children.size() == count; });
    }
    void until_over() {
        test::run_until(loop, [&] { return report.has_value(); });
    }
    void end(std::size_t child, int code) { processes.end(child, {ExitStatus::How::exited, code}); }

    // What it has of the segment in which the new primary left its timeline, up to there.
    void hold_wal(char byte) {
        files.add_file("/volume/pgdata/pg_wal/000000010000000000000003", std::string(0x110, byte));
    }

    Inspection inspection;
    instance::Attempts attempts;
    std::string primary_wal;  // hexadecimal digits of what is compared; empty: it has it no longer
    bool namesake = false;
    std::vector<std::string> plans;
    int losses = 0;
    std::vector<std::string> recorded;
    std::optional<Rejoiner::Report> report;
    Bootstrapper bootstrapper{outside, [](std::string_view, std::string_view) {}, {}};
    Rejoiner rejoiner{outside, bootstrapper, calls()};
};

}  // namespace

TEST_CASE("what only this instance has is archived before its data is touched, then it is rewound") {
    Former it;

    it.begin();
    it.until_child(1);
    CHECK(it.processes.children[0].command.arguments.front() == "left-behind");
    CHECK(it.rejoiner.progress()->what == "archiving what only this instance has");
    // Killed now, the next life finds all as it was.
    CHECK(it.files.changes.empty());
    CHECK(it.losses == 0);
    it.processes.say(0, "done\n");
    it.end(0, 0);
    it.until_child(2);
    CHECK(it.processes.children[1].command.program == "/bin/pg_rewind");
    it.end(1, 0);
    it.until_over();

    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK(it.losses == 1);
}

TEST_CASE("a store that is away delays the rewind and does not prevent it") {
    Former it;

    it.begin();
    it.until_child(1);
    it.processes.say(0, "failed\n");
    it.end(0, 1);
    it.until_child(2);
    it.end(1, 0);
    it.until_over();

    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK(it.recorded == std::vector<std::string>{"WAL that only this instance has is not in the archive: so it was"});
}

TEST_CASE("a former primary that follows without a rewind archives first, for as a standby it does not") {
    Former it;
    it.inspection.usable->control.state = postgres::ClusterState::shut_down;
    // The record ends where the new primary left the timeline.
    it.inspection.usable->control.checkpoint = Lsn{0x3000110 - 120};

    it.begin();
    it.until_child(1);
    CHECK_FALSE(it.files.nodes.contains("/volume/pgdata/standby.signal"));
    it.processes.say(0, "done\n");
    it.end(0, 0);
    it.until_over();

    CHECK(it.files.nodes.contains("/volume/pgdata/standby.signal"));
    CHECK(it.processes.children.size() == 1);
}

TEST_CASE("a rejoin that is cancelled while it archives touches nothing") {
    Former it;

    it.begin();
    it.until_child(1);
    it.rejoiner.cancel(false);
    it.processes.let_signals_end();
    it.until_over();

    CHECK(it.report->outcome == instance::BootstrapOutcome::failed);
    CHECK(it.files.changes.empty());
    CHECK(it.losses == 0);
}

TEST_CASE(
    "a rewind of a crashed server is told of the number that its postmaster had, which another process may have now") {
    Former it;
    it.inspection.stale_pid = 27;

    it.begin();
    it.until_child(1);
    it.processes.say(0, "done\n");
    it.end(0, 0);
    it.until_child(2);

    const auto& environment = it.processes.children[1].command.environment;
    CHECK(std::ranges::find(environment, "PG_GRANDPARENT_PID=27") != environment.end());
    it.end(1, 0);
    it.until_over();
}

TEST_CASE("data whose WAL is not the primary's is cloned anew and not rewound, and is kept aside") {
    const std::string ours(std::size_t{2} * 0x110, '1');  // the bytes 0x11
    for (const auto state : {postgres::ClusterState::in_production, postgres::ClusterState::shut_down}) {
        for (const bool same : {true, false}) {
            INFO(to_string(state) << (same ? ", the same" : ", others"));
            Former it;
            it.files.nodes.erase(mark);
            it.hold_wal(0x11);
            it.inspection.usable->control.state = state;
            it.primary_wal = same ? ours : std::string(ours.size(), '2');

            it.begin();
            it.until_child(1);

            CHECK(it.plans == std::vector<std::string>{same ? "rewind" : "reclone"});
            CHECK(it.processes.children[0].command.program == (same ? "/bin/pg_rewind" : "/bin/pg_basebackup"));
            CHECK(it.files.nodes.contains("/volume/pgdata.old") != same);
            it.end(0, same ? 0 : 1);
            it.until_over();
        }
    }
}

TEST_CASE("a primary that does not answer about its WAL is asked again, and nothing is done to the data") {
    Former it;
    it.files.nodes.erase(mark);
    it.hold_wal(0x11);
    const auto answer = it.server->answer;
    int asked = 0;
    it.server->answer = [&](const std::string& sql, const auto& parameters) -> Result<Rows> {
        if (sql.find("unnest") == std::string::npos) return answer(sql, parameters);
        if (++asked == 2) it.clock.advance(std::chrono::seconds(6));
        return fail(FaultKind::unavailable, "no answer");
    };

    it.begin();
    it.until_over();

    CHECK(asked == 2);
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
    CHECK_FALSE(it.report->compared);
    CHECK(it.plans.empty());
}

TEST_CASE("what was found to have parted when it ran is cloned anew, although nothing can be compared at rest") {
    Former it;
    it.files.nodes.erase(mark);
    it.inspection.usable->start = postgres::StartMode::standby;
    it.inspection.usable->control.checkpoint = Lsn{0x2000028};
    it.inspection.usable->control.min_recovery_point = Lsn{0x3000000};

    it.begin();
    it.until_over();
    CHECK(it.plans == std::vector<std::string>{"wait"});
    CHECK_FALSE(it.report->compared);

    it.report.reset();
    it.attempts.parted = "its timeline has the upstream's number and history, and other bytes";
    it.begin();
    it.until_child(1);
    CHECK(it.plans.back() == "reclone");
    CHECK(it.processes.children[0].command.program == "/bin/pg_basebackup");
    it.end(0, 1);
    it.until_over();
}

TEST_CASE(
    "while another instance streams under its name its data is not touched, and it goes on when that one has gone") {
    Former it;
    it.files.nodes.erase(mark);
    it.namesake = true;

    it.begin();
    test::run_until(it.loop, [&] {
        it.clock.advance(std::chrono::milliseconds(100));
        return it.report.has_value();
    });

    CHECK(it.report->outcome == instance::BootstrapOutcome::primary_absent);
    CHECK(it.report->reason == namesake_reason);
    CHECK(it.report->hint == namesake_hint);
    CHECK(it.recorded == std::vector<std::string>{"rejoin: refuse, for " + std::string(namesake_reason)});
    CHECK(it.files.changes.empty());
    CHECK(it.plans.empty());

    it.report.reset();
    it.namesake = false;
    it.begin();
    it.until_child(1);
    CHECK(it.processes.children[0].command.program == "/bin/pg_rewind");
    it.end(0, 0);
    it.until_over();
    CHECK(it.report->outcome == instance::BootstrapOutcome::done);
}
