// `pgbosun-archiver drill`: a backup is restored into scratch, recovered, checked, measured and removed.

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stop_token>

#include "app/archiver_program.hpp"
#include "app/job_output.hpp"
#include "app/job_process.hpp"
#include "app/job_run.hpp"
#include "app/own_restore_command.hpp"
#include "app/recovery_options.hpp"
#include "app/restore_job.hpp"
#include "archive/durable_file.hpp"
#include "archive/link_wire.hpp"
#include "backup/backup_chain.hpp"
#include "backup/catalog_commands.hpp"
#include "backup/choice.hpp"
#include "backup/drill.hpp"
#include "backup/drill_scratch.hpp"
#include "backup/linked_tablespaces.hpp"
#include "backup/reached_target.hpp"
#include "host/child_processes.hpp"
#include "host/identity.hpp"
#include "pgbosun/log.hpp"
#include "postgres/configuration.hpp"
#include "postgres/control_data.hpp"
#include "postgres/libpq_session.hpp"
#include "postgres/postmaster_pid.hpp"

namespace pgbosun::app {
namespace {

using Steady = std::chrono::steady_clock;

// What a tar grows to at least, when nobody has said it: of zstd, gzip and lz4.
constexpr std::uint64_t usual_growth = 4;
// At how much there is; a walk through all files.
constexpr std::chrono::seconds between_looks{1};

struct DrillOptions {
    std::optional<std::string> config, backup;
    std::vector<std::string> checks;
    RecoveryOptions recovery;
    std::string report = "text";
};

std::optional<ExitCode> parse(Arguments arguments, DrillOptions& options) {
    CLI::App line("Proves a backup: restores it into scratch, recovers, checks and removes it again.", "pgbosun drill");
    line.add_option("--config", options.config, "configuration file")->type_name("FILE");
    line.add_option("--backup", options.backup, "identifier or name; else the newest")->type_name("ID");
    line.add_option("--check", options.checks, "SQL that must give one row with true; beside drill.checks")
        ->type_name("SQL")
        ->allow_extra_args(false);
    add_recovery_options(line, options.recovery);
    line.add_option("--report", options.report, "text or json");
    return parse_command_line(line, arguments);
}

std::uint64_t bytes_of(const backup::Backup& backup) {
    const auto& remarks = backup.info->remarks;
    const auto said = remarks.find(std::string(backup::remark::size));
    std::uint64_t bytes = 0;
    if (said != remarks.end()) std::from_chars(said->second.data(), said->second.data() + said->second.size(), bytes);
    return bytes > 0 ? bytes : backup.stored * usual_growth;
}

// A chain is there twice while it is combined.
std::uint64_t needed_bytes(const std::vector<backup::Backup>& chain) {
    std::uint64_t bytes = chain.size() > 1 ? bytes_of(chain.front()) : 0;
    for (const auto& backup : chain) bytes += bytes_of(backup);
    return bytes;
}

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Result<postgres::ControlData> control_data_in(const std::string& directory) {
    return postgres::parse_control_data(content_of(directory + "/global/pg_control"));
}

// With hot_standby off it says so only when recovery is over.
bool is_ready(const std::string& data_directory) {
    const auto file = postgres::parse_postmaster_pid(content_of(data_directory + "/postmaster.pid"));
    return file && file->state == postgres::PostmasterState::ready;
}

class DrillJob {
public:
    DrillJob(const Settings& settings, const DrillOptions& options, ObjectStore& store, JobOutput& output)
        : settings_(settings), options_(options), store_(store), output_(output),
          catalog_(store, settings.archive->server_name), signals_(loop_, [this] {
              stop_.request_stop();
              store_.cancel();
          }) {}

    [[nodiscard]] bool cancelled() const { return signals_.asked(); }
    // It was not begun, and that says nothing of the backups.
    [[nodiscard]] bool is_refused() const { return is_refused_; }

    // The result says what is wrong with the backup; a Fault, that nobody can say.
    Result<JobResult> run(const RecoveryTarget& target) {
        const std::string directory =
            settings_.drill.directory.empty() ? settings_.state_directory() + "/drill" : settings_.drill.directory;
        auto scratch = backup::DrillScratch::take(directory);
        if (!scratch) return std::unexpected(std::move(scratch.error()));
        began_ = Steady::now();
        auto planned = run_beside(loop_, [&] { return plan(*scratch, target); });
        if (!planned) return std::unexpected(std::move(planned.error()));
        began_ = Steady::now();
        watch_growth(*scratch);
        auto restored = restore_beside(loop_, catalog_, planned->chain, planned->order, settings_.postgresql.bin_dir,
                                       [this] { return signals_.asked() || !may_go_on_; });
        look_.cancel();
        if (!may_go_on_) return std::unexpected(std::move(may_go_on_.error()));
        if (!restored) return std::unexpected(std::move(restored.error()));
        result_.bytes = restored->bytes;
        result_.stored = restored->stored;
        const std::chrono::duration<double> copied = Steady::now() - began_;
        auto proved = prove(*scratch, *planned->chain.back().info);
        if (!proved) return std::unexpected(std::move(proved.error()));
        result_.seconds = std::chrono::duration<double>(Steady::now() - began_).count();
        result_.done = proved->empty();
        result_.detail = result_.done ? summary(copied.count()) : proved->front();
        if (proved->size() > 1) result_.detail += " (and " + std::to_string(proved->size() - 1) + " more)";
        if (!result_.done) result_.hint = "the log names every check that failed; do not rely on this backup";
        for (const auto& finding : *proved) log::error("the drill found: " + finding);
        return std::move(result_);
    }

private:
    struct Plan {
        std::vector<backup::Backup> chain;
        backup::RestoreOrder order;
    };

    Result<Plan> plan(backup::DrillScratch& scratch, const RecoveryTarget& target) {
        output_.progress({{}, "looking at the archive", 0, 0});
        const auto facts = backup::read_archive(catalog_);
        if (!facts) return std::unexpected(facts.error());
        const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
        const auto reference = options_.backup.value_or("latest");
        const auto chosen = backup::choose_backup(*facts, target, reference, now);
        if (!chosen) {
            is_refused_ = target.given() && backup::choose_backup(*facts, {}, reference, now);
            return std::unexpected(chosen.error());
        }
        if (auto fine = check_live(*chosen->info); !fine) {
            is_refused_ = fine.error().kind == FaultKind::refused;
            return std::unexpected(std::move(fine.error()));
        }
        result_.id = chosen->id.text();
        auto chain = backup::chain_of(facts->backups, *chosen);
        if (!chain) return std::unexpected(std::move(chain.error()));
        const auto room = scratch.allow(settings_.drill.max_bytes, needed_bytes(*chain));
        if (!room) return std::unexpected(room.error());
        const auto reached = backup::reached_target(catalog_, *facts, *chosen, target);
        if (!reached) return std::unexpected(reached.error());
        auto parameters = backup::recovery_parameters(
            *reached, own_restore_command(settings_, RestoreFrom::own_archive), backup::AtTarget::promote);
        if (!parameters) return std::unexpected(std::move(parameters.error()));
        return Plan{std::move(*chain),
                    {scratch.places(*chosen->info),
                     settings_.archive->data.max_parallel,
                     std::move(*parameters),
                     {},
                     settings_for_restore_command(settings_),
                     [this](const JobProgress& progress) { output_.progress(progress); }}};
    }

    // What is made while it runs is found too: its link is there before any WAL of it is archived.
    [[nodiscard]] Result<> check_live(const backup::BackupInfo& backup) const {
        return backup::expect_no_younger_tablespace(settings_.data_directory(), backup,
                                                    "take a backup: one that has the tablespace can be drilled");
    }

    // While it is unpacked, on the loop's thread: what is too much ends it.
    void watch_growth(const backup::DrillScratch& scratch) {
        look_.expires_after(between_looks);
        look_.async_wait([this, &scratch](boost::system::error_code error) {
            if (error) return;
            may_go_on_ = scratch.check_growth();
            if (!may_go_on_) return store_.cancel();
            watch_growth(scratch);
        });
    }

    // One thread from here on: processes are spawned.
    Result<std::vector<std::string>> prove(const backup::DrillScratch& scratch, const backup::BackupInfo& backup) {
        const auto control = control_data_in(scratch.data_directory());
        if (!control) return std::unexpected(control.error());
        std::ofstream(scratch.data_directory() + "/" + std::string(backup::drill_hba_file)) << backup::drill_hba;
        if (auto fine = check_live(backup); !fine) return std::unexpected(std::move(fine.error()));
        const auto order = order_for(scratch, backup, *control);
        host::ChildProcesses processes(loop_);
        const auto session = [&](const std::string& database) -> std::unique_ptr<PgSession> {
            postgres::SessionTarget target{.host = scratch.socket_directory(), .port = backup::drill_port};
            target.database = database;
            target.application_name = "pgbosun drill";
            target.statement_timeout = std::chrono::hours(6);
            return std::make_unique<postgres::LibpqSession>(loop_, std::move(target));
        };
        backup::Drill drill(loop_, processes, session, order, stop_.get_token());
        if (auto recovered = drill.recover(); !recovered) {
            if (!may_go_on_ || recovered.error().kind != FaultKind::refused)
                return std::unexpected(std::move(recovered.error()));
            return std::vector{recovered.error().what};
        }
        // It may have been over before anybody looked.
        if (auto inside = scratch.check_tablespaces(); !inside) return std::unexpected(std::move(inside.error()));
        result_.recovery_seconds = std::chrono::duration<double>(Steady::now() - began_).count();
        auto findings = drill.check();
        amcheck_note_ = drill.amcheck_note();
        return findings;
    }

    [[nodiscard]] backup::DrillOrder order_for(const backup::DrillScratch& scratch, const backup::BackupInfo& backup,
                                               const postgres::ControlData& control) {
        backup::DrillOrder order;
        order.server = {
            settings_.postgresql.bin_dir,
            scratch.data_directory(),
            scratch.socket_directory(),
            settings_.drill.shared_buffers,
            {control.limits.max_connections, control.limits.max_worker_processes, control.limits.max_wal_senders,
             control.limits.max_prepared_transactions, control.limits.max_locks_per_transaction},
            control.wal_segment_size,
            {}};
        for (char** variable = environ; *variable != nullptr; ++variable) {
            order.server.environment.emplace_back(*variable);
        }
        order.user = postgres::superuser;
        order.database = settings_.bootstrap.initdb.database;
        order.checks = settings_.drill.checks;
        order.checks.insert(order.checks.end(), options_.checks.begin(), options_.checks.end());
        order.amcheck = settings_.drill.amcheck;
        order.may_go_on = [this, &scratch, &backup, next = Steady::now()]() mutable {
            if (may_go_on_) may_go_on_ = scratch.check_tablespaces();
            if (may_go_on_) may_go_on_ = check_live(backup);
            if (!may_go_on_ || Steady::now() < next) return may_go_on_;
            may_go_on_ = scratch.check_growth();
            next = Steady::now() + between_looks;
            return may_go_on_;
        };
        order.is_up = [directory = scratch.data_directory()] { return is_ready(directory); };
        order.step = [this](const std::string& step) { output_.progress({result_.id, step, 0, 0}); };
        order.server_log = [](std::string_view line) { log::debug("drill", {{"line", line}}); };
        return order;
    }

    [[nodiscard]] std::string summary(double copied) const {
        const auto whole = [](double seconds) { return std::to_string(std::lround(seconds)) + " s"; };
        std::string text = "restored in " + whole(copied) + ", answered after " + whole(result_.recovery_seconds) +
                           ", all checks passed";
        return amcheck_note_.empty() ? text : text + "; " + amcheck_note_;
    }

    const Settings& settings_;
    const DrillOptions& options_;
    ObjectStore& store_;
    JobOutput& output_;
    backup::Catalog catalog_;
    boost::asio::io_context loop_{1};
    std::stop_source stop_;
    boost::asio::steady_timer look_{loop_};
    Result<> may_go_on_;  // a Fault: it has grown too much, or would leave its directory
    JobSignals signals_;
    Steady::time_point began_;
    JobResult result_;
    std::string amcheck_note_;
    bool is_refused_ = false;
};

// For whoever looks later; the drill itself does not depend on it.
void remember(const Settings& settings, const JobResult& result) {
    const auto written =
        archive::write_durably(settings.state_directory() + "/drill.json", archive::render(JobLine(result)));
    if (!written) log::warning("the outcome of the drill could not be written: " + written.error().what);
}

}  // namespace

ExitCode drill_command(Arguments arguments) {
    DrillOptions options;
    if (const auto end = parse(arguments, options)) return *end;
    const auto format = parse_job_format(options.report);
    const auto settings = read_configuration(options.config);
    if (!format || !settings) return ExitCode::wrong_usage;
    JobOutput output(*format);
    if (::geteuid() == 0) {
        auto became = settings->run_as ? host::become_user(*settings->run_as)
                                       : fail(FaultKind::refused, "PostgreSQL does not run as root",
                                              "set run_as, or drill as the user who runs it");
        if (!became) {
            output.result({.done = false, .id = {}, .detail = became.error().what, .hint = became.error().hint});
            return exit_code_of(became.error());
        }
    }
    const auto target = target_of(options.recovery);
    if (!target) {
        output.result({.detail = target.error().what, .hint = target.error().hint, .refused = true});
        return ExitCode::wrong_usage;
    }
    ::umask(077);
    lower_priority();
    const auto store = open_archive(*settings->archive, object_store::MissingRoot::wait);
    if (!store) return ExitCode::wrong_usage;
    DrillJob job(*settings, options, *store, output);
    auto result = job.run(*target);
    if (!result) {
        Fault fault = std::move(result.error());
        if (job.cancelled()) fault = {FaultKind::cancelled, "the drill was cancelled", "nothing of it is left"};
        const bool refused = fault.kind == FaultKind::conflict || job.is_refused();
        const JobResult failed{.done = false, .id = {}, .detail = fault.what, .hint = fault.hint, .refused = refused};
        if (fault.kind == FaultKind::corrupt) remember(*settings, failed);
        output.result(failed);
        return exit_code_of(fault);
    }
    remember(*settings, *result);
    output.result(*result);
    return result->done ? ExitCode::done : ExitCode::failed;
}

}  // namespace pgbosun::app
