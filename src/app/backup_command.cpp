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
#include "host/identity.hpp"
#include "pgbosun/log.hpp"
#include "postgres/conninfo.hpp"
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

std::string summary_of(const backup::BaseBackup& job, const std::string& destination) {
    std::string text = "a backup of " + std::to_string(job.bytes()) + " bytes, " +
                       std::to_string(job.stored()) + " as stored, in " + destination;
    if (job.bad_pages() > 0) text += "; " + std::to_string(job.bad_pages()) + " pages have wrong checksums";
    return text;
}

ExitCode take_backup(const Settings& settings, const BackupLine& line, JobOutput& output) {
    const StopOnSignal signals;
    const auto stop = signals.token();
    const auto data = open_archive(*settings.archive), records = open_archive(*settings.archive);
    if (!data || !records) return ExitCode::wrong_usage;
    const std::stop_callback cancelling(stop, [&data] { data->cancel(); });

    boost::asio::io_context io(1);
    postgres::LibpqSession libpq(io, local_server(settings));
    backup::ServerSession session(io, libpq, stop);
    backup::BackupOrders orders{settings.archive->server_name, settings.instance, line.name,
                                settings.archive->data, settings.state_directory()};
    backup::BaseBackup job(
        std::move(orders),
        {*data, *records, session, stop, [&output](const JobProgress& said) { output.progress(said); },
         [&stop](const std::string& primary) { return switch_wal_at(primary, stop); }});
    const auto began = std::chrono::steady_clock::now();
    const auto done = job.run();
    JobResult result{.done = done.has_value(), .id = job.id() ? job.id()->text() : ""};
    result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    if (done) {
        result.detail = summary_of(job, data->describe());
        result.bytes = job.bytes();
        result.stored = job.stored();
    } else {
        result.detail = done.error().what;
        result.hint = done.error().hint;
    }
    output.result(result);
    if (done) return ExitCode::done;
    log::error("The backup failed: " + done.error().what,
               {{"backup", result.id}, {"hint", done.error().hint}});
    return exit_code_of(done.error());
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
    app.add_flag("--incremental", line.incremental, "only what changed; not in this version")->excludes(full);
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
    if (line.incremental) {
        std::cerr
            << "pgbosun-archiver backup: incremental backups are not in this version; take a full one\n";
        return ExitCode::refused;
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
