// `pgbosun-archiver restore`: a backup becomes a data directory that recovers when PostgreSQL is started in it.

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <vector>

#include "app/archiver_program.hpp"
#include "app/job_output.hpp"
#include "app/job_run.hpp"
#include "app/own_restore_command.hpp"
#include "app/posix_outside.hpp"
#include "app/recovery_options.hpp"
#include "app/restore_job.hpp"
#include "backup/backup_chain.hpp"
#include "backup/catalog_commands.hpp"
#include "backup/choice.hpp"
#include "backup/linked_tablespaces.hpp"
#include "backup/reached_target.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::app {
namespace {

struct RestoreOptions {
    std::optional<std::string> config, backup, target, restore_command;
    std::vector<std::string> tablespaces;
    RecoveryOptions recovery;
    std::string report = "text";
    int jobs = 0;
    bool bootstrap = false, standby = false, anew = false;
};

enum class Archiving { off, as_configured };
// What PostgreSQL becomes of it: a primary at the end of its recovery, or a standby, which whoever starts it marks.
enum class Becomes { primary, standby };

// What is to be restored, from the command line or from bootstrap.recovery.
struct Wanted {
    ArchiveSettings archive;
    std::string directory, backup;
    RecoveryTarget target;
    std::map<std::string, std::string> tablespaces;
    std::optional<std::string> wal_directory;
    std::optional<std::string> live;        // the data directory that it may run beside; none: it takes its place
    std::string restore_command, settings;  // the latter: for the former
    int port = 0;                           // of a copy that is started by hand
    Archiving archiving = Archiving::off;
    Becomes becomes = Becomes::primary;
    int workers = 4;
};

std::optional<ExitCode> parse(Arguments arguments, RestoreOptions& options) {
    CLI::App line("Restores a base backup into an empty directory.", "pgbosun restore");
    line.add_option("--config", options.config, "configuration file")->type_name("FILE");
    auto* target = line.add_option("--target", options.target, "the directory: empty, or not there yet");
    target->type_name("DIR");
    line.add_option("--backup", options.backup,
                    "identifier or name; else the newest one from which the target is reached")
        ->type_name("ID");
    line.add_option("--tablespace", options.tablespaces, "NAME=DIR: where a tablespace goes (name or oid); repeatable");
    add_recovery_options(line, options.recovery);
    line.add_option("--jobs", options.jobs, "tars at a time; else archive.data.max_parallel");
    line.add_option("--restore-command", options.restore_command, "instead of our own")->type_name("COMMAND");
    line.add_flag("--bootstrap", options.bootstrap, "what bootstrap.recovery says, into the volume's data directory")
        ->excludes(target);
    line.add_flag(
            "--standby", options.standby,
            "for a standby of the archived cluster, into the volume's data directory; with --bootstrap of the one "
            "that bootstrap.recovery names")
        ->excludes(target);
    line.add_flag("--anew", options.anew,
                  "what is in the volume's data directory was not finished, and goes; `pgbosun run` says it")
        ->excludes(target);
    line.add_option("--report", options.report, "text or json");
    auto end = parse_command_line(line, arguments);
    if (!end && !options.target && !options.bootstrap && !options.standby) {
        std::cerr << "pgbosun restore: --target is needed\n";
        return ExitCode::wrong_usage;
    }
    return end;
}

std::string absolute(const std::string& path) {
    std::string whole = path.starts_with('/') ? path : process_environment().working_directory + "/" + path;
    while (whole.size() > 1 && whole.ends_with('/')) whole.pop_back();
    return whole;
}

bool is_same(const std::string& one, const std::string& other) {
    std::error_code error;
    const auto first = std::filesystem::weakly_canonical(one, error);
    return !error && first == std::filesystem::weakly_canonical(other, error) && !error;
}

Result<std::map<std::string, std::string>> places_in(const std::vector<std::string>& texts) {
    std::map<std::string, std::string> places;
    for (const auto& text : texts) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
            return fail(FaultKind::refused, "\"" + text + "\" is not NAME=DIR", "--tablespace fast=/mnt/fast");
        }
        const auto name = text.substr(0, equals);
        if (!places.emplace(name, absolute(text.substr(equals + 1))).second) {
            return fail(FaultKind::refused, "--tablespace " + name + " is there twice",
                        "give each tablespace one place");
        }
    }
    return places;
}

Result<Wanted> wanted_of(const RestoreOptions& options, const Settings& settings) {
    Wanted wanted;
    wanted.archive = *settings.archive;
    const auto& recovery = settings.bootstrap.recovery;
    const auto& wal_dir = settings.postgresql.wal_dir;
    const std::optional<std::string> wal_directory = wal_dir ? std::optional(*wal_dir + "/pg_wal") : std::nullopt;
    if (options.standby) wanted.becomes = Becomes::standby;
    if (options.standby && !options.bootstrap) {
        wanted.directory = settings.data_directory();
        wanted.archiving = Archiving::as_configured;
        wanted.wal_directory = wal_directory;
    } else if (options.bootstrap) {
        if (!recovery) return fail(FaultKind::refused, "the configuration has no bootstrap.recovery", "give --target");
        if (recovery->source) wanted.archive = *recovery->source;
        wanted.directory = settings.data_directory();
        wanted.archiving = Archiving::as_configured;
        wanted.backup = recovery->backup;
        wanted.target = recovery->target;
        wanted.tablespaces = recovery->tablespaces;
        wanted.wal_directory = wal_directory;
    } else {
        auto target = target_of(options.recovery);
        if (!target) return std::unexpected(std::move(target.error()));
        auto places = places_in(options.tablespaces);
        if (!places) return std::unexpected(std::move(places.error()));
        wanted.directory = absolute(*options.target);
        wanted.target = std::move(*target);
        wanted.tablespaces = std::move(*places);
        if (!is_same(wanted.directory, settings.data_directory())) wanted.live = settings.data_directory();
    }
    if (options.backup || !options.bootstrap) wanted.backup = options.backup.value_or("latest");
    wanted.restore_command = options.restore_command.value_or(
        own_restore_command(settings, options.bootstrap ? RestoreFrom::bootstrap_source : RestoreFrom::own_archive));
    if (!options.restore_command && !options.bootstrap) wanted.settings = settings_for_restore_command(settings);
    wanted.port = settings.postgresql.port;
    wanted.workers = options.jobs > 0 ? options.jobs : settings.archive->data.max_parallel;
    return wanted;
}

// What there is to restore, and what PostgreSQL is told.
struct Plan {
    std::vector<backup::Backup> chain;
    backup::RestoreOrder order;
};

// PID 1 tells PostgreSQL what the configuration says, so that it has to say a target that is reached.
Result<> check_reached(const Wanted& wanted, const RecoveryTarget& reached) {
    const bool told_by_us = wanted.archiving == Archiving::off || wanted.becomes == Becomes::standby;
    if (told_by_us || wanted.target.lsn == reached.lsn) return {};
    return fail(FaultKind::refused, "no record of the archive's WAL begins at " + *wanted.target.lsn + " or behind it",
                "everything up to there is recovered with target_lsn: " + *reached.lsn +
                    ", the begin of the last record before it");
}

Result<Plan> plan(backup::Catalog& catalog, const Wanted& wanted, JobOutput& output) {
    output.progress({{}, "looking at the archive", 0, 0});
    const auto facts = backup::read_archive(catalog);
    if (!facts) return std::unexpected(facts.error());
    const auto now = std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    const auto chosen = backup::choose_backup(*facts, wanted.target, wanted.backup, now);
    if (!chosen) return std::unexpected(chosen.error());
    if (wanted.live) {
        const std::string hint = "take a backup and restore that one, or restore on another host; if " + *wanted.live +
                                 " is of no use any more, move it away first";
        auto beside = backup::expect_no_younger_tablespace(*wanted.live, *chosen->info, hint);
        if (!beside) return std::unexpected(std::move(beside.error()));
    }
    const auto target = backup::reached_target(catalog, *facts, *chosen, wanted.target);
    if (!target) return std::unexpected(target.error());
    if (auto fits = check_reached(wanted, *target); !fits) return std::unexpected(std::move(fits.error()));
    auto chain = backup::chain_of(facts->backups, *chosen);
    if (!chain) return std::unexpected(std::move(chain.error()));
    // A standby is told nothing here: pgbosun.conf says what it is to do.
    auto parameters = wanted.becomes == Becomes::standby
                          ? backup::RecoveryParameters()
                          : backup::recovery_parameters(*target, wanted.restore_command, backup::AtTarget::promote);
    if (!parameters) return std::unexpected(std::move(parameters.error()));
    // pgbosun run takes these lines away.
    if (wanted.archiving == Archiving::off) {
        const auto alone = backup::parameters_of_a_copy(wanted.directory, wanted.port);
        parameters->insert(parameters->begin(), alone.begin(), alone.end());
    }
    auto places = backup::places_of(*chosen->info, wanted.directory, wanted.tablespaces);
    if (!places) return std::unexpected(std::move(places.error()));
    places->wal_directory = wanted.wal_directory;
    std::string copy_of;
    if (wanted.archiving == Archiving::off) {
        copy_of = "backup " + chosen->id.text() + " of " + wanted.archive.server_name + " in " +
                  wanted.archive.destination + "\n";
    }
    return Plan{std::move(*chain),
                {std::move(*places), wanted.workers, std::move(*parameters), std::move(copy_of), wanted.settings,
                 [&output](const JobProgress& progress) { output.progress(progress); }}};
}

JobResult result_of(const Plan& plan, const Wanted& wanted, const backup::RestoredBackup& restored, double seconds) {
    JobResult result;
    result.done = true;
    result.id = plan.chain.back().id.text();
    result.bytes = restored.bytes;
    result.stored = restored.stored;
    result.seconds = seconds;
    result.detail = "restored into " + wanted.directory;
    if (plan.chain.size() > 1) result.detail += " from a chain of " + std::to_string(plan.chain.size()) + " backups";
    result.detail += restored.checked ? ", every file as its manifest says" : ", without a manifest to compare with";
    return result;
}

std::string typed(const std::string& word) {
    constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+=:,@";
    return word.find_first_not_of(plain) == std::string::npos ? word : backup::shell_word(word);
}

// This command, to be typed by root, as the user of PostgreSQL.
std::string as_other_user(const std::string& user, Arguments arguments) {
    std::string line = "setpriv --reuid=" + user + " --regid=" + user + " --init-groups pgbosun restore";
    for (const auto& argument : arguments) line += " " + typed(argument);
    return line;
}

// Commands as they can be typed, each on a line of its own.
void print_what_next(const Wanted& wanted, const std::string& bin_dir) {
    const auto directory = typed(wanted.directory);
    std::cout << "next: " << (bin_dir.empty() ? "pg_ctl" : typed(bin_dir + "/pg_ctl")) << " -D " << directory << " -l "
              << typed(wanted.directory + "/restored.log") << " start\n"
              << "      psql -h " << typed(backup::socket_directory_of_a_copy(wanted.directory)) << " -p "
              << wanted.port << " -U postgres\n"
              << "      it recovers" << (wanted.target.given() ? " to the target" : " to the end of the archive's WAL")
              << ", then takes writes on a timeline of its own; it does not archive, and has that socket alone\n"
                 "or:   make it the volume's pgdata, give archive.server_name a name of its own, and start pgbosun\n";
}

}  // namespace

ExitCode restore_command(Arguments arguments) {
    RestoreOptions options;
    if (const auto end = parse(arguments, options)) return *end;
    const auto format = parse_job_format(options.report);
    const auto settings = read_configuration(options.config);
    if (!format || !settings) return ExitCode::wrong_usage;
    JobOutput output(*format);
    const auto fail_with = [&](const Fault& fault) {
        output.result({.done = false, .id = {}, .detail = fault.what, .hint = fault.hint});
        return exit_code_of(fault);
    };
    if (::geteuid() == 0) {
        return fail_with(
            {FaultKind::refused, "PostgreSQL does not run as root, and the files would be root's",
             "restore as the user who runs it: " + as_other_user(settings->run_as.value_or("postgres"), arguments)});
    }
    const auto wanted = wanted_of(options, *settings);
    if (!wanted) {
        fail_with(wanted.error());
        return ExitCode::wrong_usage;
    }
    const auto store = open_archive(wanted->archive, object_store::MissingRoot::wait);
    if (!store) return ExitCode::wrong_usage;
    boost::asio::io_context loop;
    const JobSignals signals(loop, [&] { store->cancel(); });
    const auto began = std::chrono::steady_clock::now();
    backup::Catalog catalog(*store, wanted->archive.server_name);
    auto planned = run_beside(loop, [&] { return plan(catalog, *wanted, output); });
    bool begun = false;
    if (planned) {
        planned->order.left_over = options.anew ? backup::LeftOver::removed : backup::LeftOver::refused;
        planned->order.begun = [&begun] { begun = true; };
    }
    auto result = planned ? restore_beside(loop, catalog, planned->chain, planned->order, settings->postgresql.bin_dir,
                                           [&] { return signals.asked(); })
                          : std::unexpected(planned.error());
    if (!result && signals.asked()) {
        return fail_with({FaultKind::cancelled, "the restore was cancelled", "nothing of it is left"});
    }
    if (!result) {
        const auto code = fail_with(result.error());
        // What came in between is no refusal. Whoever restores for an instance is told what not to try again.
        return begun && options.target && code == ExitCode::refused ? ExitCode::failed : code;
    }
    for (const auto& note : result->notes) log::info("restore: " + note);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    output.result(result_of(*planned, *wanted, *result, took.count()));
    if (*format == JobFormat::text) print_what_next(*wanted, settings->postgresql.bin_dir);
    return ExitCode::done;
}

}  // namespace pgbosun::app
