// `pgbosun-archiver backup`: one base backup.

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <iostream>

#include "app/archiver_program.hpp"
#include "app/job_output.hpp"
#include "app/job_process.hpp"
#include "backup/base_backup.hpp"
#include "backup/incremental_backup.hpp"
#include "host/identity.hpp"
#include "pgbosun/log.hpp"
#include "postgres/conninfo.hpp"
#include "postgres/libpq_backup_stream.hpp"
#include "postgres/libpq_session.hpp"

namespace pgbosun::app {
namespace {

constexpr Duration longest_statement = std::chrono::hours(3);  // pg_backup_start waits for a checkpoint
constexpr Duration for_switch = std::chrono::seconds(20);

struct BackupLine {
    std::optional<std::string> config, name;
    std::string report = "text";
    bool full = false, incremental = false;
};

postgres::SessionTarget local_server(const Settings& settings) {
    postgres::SessionTarget target;
    target.host = settings.run_dir;
    target.port = settings.postgresql.port;
    target.application_name = "pgbosun backup";
    target.statement_timeout = longest_statement;
    return target;
}

// The replication user's password opens the primary for SQL too where its pg_hba.conf lets it in; who may not
// call pg_switch_wal is told so by the server.
Result<> switch_wal_at(const std::string& conninfo, const std::stop_token& stop) {
    auto keywords = postgres::parse_conninfo(conninfo);
    if (!keywords) return std::unexpected(std::move(keywords.error()));
    (*keywords)["dbname"] = "postgres";
    keywords->erase("replication");
    postgres::SessionTarget target{.application_name = "pgbosun backup"};
    target.further = *std::move(keywords);
    boost::asio::io_context io(1);
    postgres::LibpqSession session(io, std::move(target));
    backup::ServerSession primary(io, session, stop);
    const auto switched = primary.query("SELECT pg_switch_wal()", {}, for_switch);
    if (!switched) return std::unexpected(switched.error());
    return {};
}

struct Taken {
    Result<backup::BackupInfo> info;
    std::string id;
    std::uint64_t bytes = 0, stored = 0, bad_pages = 0;
};

std::string summary_of(const Taken& taken, const std::string& destination) {
    const auto parent = taken.info->remarks.find(std::string(backup::remark::parent));
    std::string text =
        parent == taken.info->remarks.end() ? "a backup" : "what has changed since " + parent->second + ":";
    text += " of " + std::to_string(taken.bytes) + " bytes, " + std::to_string(taken.stored) + " as stored, in " +
            destination;
    if (taken.bad_pages > 0) text += "; " + std::to_string(taken.bad_pages) + " pages have wrong checksums";
    return text;
}

template <class Job>
Taken run(Job&& job) {
    auto info = job.run();
    Taken taken{std::move(info), job.id() ? job.id()->text() : "", job.bytes(), job.stored(), 0};
    if constexpr (requires { job.bad_pages(); }) taken.bad_pages = job.bad_pages();
    return taken;
}

// An incremental one where that is possible: tonight's backup is worth more than its size.
Taken take(const Settings& settings, const BackupLine& line, const backup::BackupOutside& outside) {
    const backup::BackupOrders orders{settings.archive->server_name, settings.instance, line.name,
                                      settings.archive->data, settings.state_directory()};
    if (line.incremental) {
        postgres::LibpqBackupStream stream(local_server(settings), outside.stop);
        auto taken = run(backup::IncrementalBackup(orders, outside, stream));
        if (taken.info || taken.info.error().kind != FaultKind::refused) return taken;
        log::warning("A full backup is taken instead of an incremental one",
                     {{"reason", taken.info.error().what}, {"hint", taken.info.error().hint}});
    }
    return run(backup::BaseBackup(orders, outside));
}

ExitCode take_backup(const Settings& settings, const BackupLine& line, JobOutput& output) {
    const StopOnSignal signals;
    const auto stop = signals.token();
    constexpr auto missing = object_store::MissingRoot::wait;
    const auto data = open_archive(*settings.archive, missing), records = open_archive(*settings.archive, missing);
    if (!data || !records) return ExitCode::wrong_usage;
    const std::stop_callback cancelling(stop, [&data] { data->cancel(); });

    boost::asio::io_context io(1);
    postgres::LibpqSession libpq(io, local_server(settings));
    backup::ServerSession session(io, libpq, stop);
    const auto began = std::chrono::steady_clock::now();
    const auto taken =
        take(settings, line,
             {*data, *records, session, stop, [&output](const JobProgress& said) { output.progress(said); },
              [&stop](const std::string& primary) { return switch_wal_at(primary, stop); }});
    JobResult result{.done = taken.info.has_value(), .id = taken.id};
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (taken.info) {
        result.detail = summary_of(taken, data->describe());
        result.bytes = taken.bytes;
        result.stored = taken.stored;
    } else {
        result.detail = taken.info.error().what;
        result.hint = taken.info.error().hint;
    }
    output.result(result);
    if (taken.info) return ExitCode::done;
    log::error("The backup failed: " + taken.info.error().what,
               {{"backup", result.id}, {"hint", taken.info.error().hint}});
    return exit_code_of(taken.info.error());
}

}  // namespace

ExitCode backup_command(Arguments arguments) {
    BackupLine line;
    CLI::App app("Takes a base backup of the instance of this configuration, which must run.",
                 "pgbosun-archiver backup");
    app.add_option("--config", line.config, "configuration file")->type_name("FILE");
    app.add_option("--name", line.name, "a name to find it by")->type_name("NAME");
    app.add_option("--report", line.report, "text, or json: lines for a program")->type_name("FORM");
    auto* full = app.add_flag("--full", line.full, "all of it (as without)");
    app.add_flag(
           "--incremental", line.incremental,
           "only what has changed since the newest backup (PostgreSQL 17 on); a full one where that is not possible")
        ->excludes(full);
    if (const auto end = parse_command_line(app, arguments)) return *end;
    const auto format = parse_job_format(line.report);
    if (!format) {
        std::cerr << "pgbosun-archiver backup: --report is text or json\n";
        return ExitCode::wrong_usage;
    }
    if (line.name) {
        if (const auto good = backup::check_backup_name(*line.name); !good) {
            std::cerr << "pgbosun-archiver backup: --name: " << good.error().text() << "\n";
            return ExitCode::wrong_usage;
        }
    }
    const auto settings = read_configuration(line.config);
    if (!settings) return ExitCode::wrong_usage;
    if (::geteuid() == 0 && settings->run_as) {
        if (const auto became = host::become_user(*settings->run_as); !became) {
            log::error(became.error().what, {{"hint", became.error().hint}});
            return ExitCode::wrong_usage;
        }
    }
    lower_priority();
    JobOutput output(*format);
    return take_backup(*settings, line, output);
}

}  // namespace pgbosun::app
