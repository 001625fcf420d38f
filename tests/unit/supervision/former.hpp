#pragma once
// A former primary that is to follow its new one, which a test speaks for.

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <optional>
#include <string>
#include <vector>

#include "supervision/rejoiner.hpp"
#include "support/run.hpp"
#include "unit/supervision/outside.hpp"

namespace pgbosun::test {

using namespace supervision;

inline const std::string mark = "/volume/pgdata/pg_wal/archive_status/000000010000000000000004.ready";

// A former primary on timeline 1, with a segment to archive; its new primary left that timeline at 0/3000110.
struct Former : Outside {
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
            } else if (sql.find("pg_database_size") != std::string::npos) {
                rows.rows.push_back({data_bytes.empty() ? Field() : Field(data_bytes)});
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
        calls.cloning = [this](std::string what, auto) { journal.push_back(std::move(what)); };
        return calls;
    }
    void begin(std::string primary = "host=primary") {
        boost::asio::co_spawn(loop, rejoiner.run(settings, inspection, std::move(primary), attempts),
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
    std::string data_bytes;            // that the primary holds; empty: it does not tell
    std::vector<std::string> journal;  // of clones
    std::vector<std::string> plans;
    int losses = 0;
    std::vector<std::string> recorded;
    std::optional<Rejoiner::Report> report;
    Bootstrapper bootstrapper{outside, [](std::string_view, std::string_view) {}, {}};
    Rejoiner rejoiner{outside, bootstrapper, calls()};
};

}  // namespace pgbosun::test
