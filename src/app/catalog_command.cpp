// `pgbosun-archiver catalog list|show|keep|delete|expire|summary`: what the archive holds, and what of it goes.

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <iostream>

#include "app/archiver_program.hpp"
#include "app/job_output.hpp"
#include "app/job_run.hpp"
#include "app/own_cluster.hpp"
#include "app/unknown_command.hpp"
#include "archive/summary_wire.hpp"
#include "archive/wall_clock.hpp"
#include "backup/backup_lock.hpp"
#include "backup/catalog_text.hpp"
#include "host/identity.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::app {
namespace {

struct CatalogWords {
    std::optional<std::string> config;
    std::string reference, error;
    std::string report = "text";
    bool json = false, force = false, dry_run = false, release = false, standalone = false, source = false;
};

ExitCode say_fault(const Fault& fault) {
    std::cerr << "pgbosun: " << fault.text() << "\n";
    return exit_code_of(fault);
}

// As a job of PID 1 tells its end.
ExitCode say_as_job(const Fault& fault) {
    JobOutput(JobFormat::json).result({.done = false, .id = {}, .detail = fault.what, .hint = fault.hint});
    return exit_code_of(fault);
}
ExitCode say_as_job(const std::string& id, const std::string& told) {
    JobOutput(JobFormat::json).result({.done = true, .id = id, .detail = told, .hint = {}});
    return ExitCode::done;
}

template <class Value>
ExitCode say(const Result<Value>& value, const CatalogWords& words) {
    if (!value) return say_fault(value.error());
    std::cout << (words.json ? backup::to_json(*value) : backup::to_text(*value)) << std::flush;
    return ExitCode::done;
}

ExitCode list(backup::Catalog& catalog, const CatalogWords& words, const Settings&) {
    return say(backup::list_backups(catalog), words);
}

ExitCode show(backup::Catalog& catalog, const CatalogWords& words, const Settings&) {
    return say(backup::show_backup(catalog, words.reference), words);
}

ExitCode keep(backup::Catalog& catalog, const CatalogWords& words, const Settings&) {
    const auto mark = words.release      ? backup::Keep::none
                      : words.standalone ? backup::Keep::standalone
                                         : backup::Keep::full;
    return say(backup::keep_backup(catalog, words.reference, mark), words);
}

ExitCode remove(backup::Catalog& catalog, const CatalogWords& words, const Settings&) {
    const auto force = words.force ? backup::Force::yes : backup::Force::no;
    const auto deleted = backup::delete_backup(catalog, words.reference, force, archive::wall_now());
    if (words.report != "json") return say(deleted, words);
    return deleted ? say_as_job(deleted->entry.id, backup::told(*deleted)) : say_as_job(deleted.error());
}

// Each holds the lock from before its claim to its end.
backup::OwnBackups own_backups(const Settings& settings) {
    return {settings.instance,
            [directory = settings.state_directory()] { return backup::BackupLock::is_free(directory); }};
}

ExitCode close(backup::Catalog& catalog, const CatalogWords& words, const Settings& settings) {
    const auto closed = backup::close_backup(catalog, words.reference, words.error, own_backups(settings));
    if (!closed) return say_fault(closed.error());
    return ExitCode::done;
}

ExitCode expire(backup::Catalog& catalog, const CatalogWords& words, const Settings& settings) {
    std::optional<backup::RetentionPolicy> policy;
    if (!settings.archive->retention.empty()) {
        const auto read = backup::parse_retention(settings.archive->retention);
        if (!read) return say_fault(read.error());
        policy = *read;
    }
    const auto dry_run = words.dry_run ? backup::DryRun::yes : backup::DryRun::no;
    const auto expired = backup::expire(catalog, policy, archive::wall_now(), dry_run, own_backups(settings));
    if (words.report != "json") return say(expired, words);
    return expired ? say_as_job({}, backup::told(*expired)) : say_as_job(expired.error());
}

ExitCode summary(backup::Catalog& catalog, const CatalogWords& words, const Settings& settings) {
    const auto summary = backup::summarize(catalog);
    if (!summary) return words.report == "json" ? say_as_job(summary.error()) : say_fault(summary.error());
    if (!words.source) remember_archive_of_standby(catalog, settings);
    std::cout << archive::render(*summary) << std::flush;
    return ExitCode::done;
}

ExitCode list_wal(backup::Catalog& catalog, const CatalogWords& words, const Settings&) {
    return say(backup::list_wal(catalog), words);
}

ExitCode verify_wal(backup::Catalog& catalog, const CatalogWords& words, const Settings&) {
    const auto report = backup::verify_wal(catalog);
    const auto said = say(report, words);
    return said == ExitCode::done && !report->whole ? ExitCode::failed : said;
}

enum class Takes { nothing, backup, named_backup };
enum class Changes { nothing, archive };

struct CatalogVerb {
    std::string_view name;
    ExitCode (*run)(backup::Catalog& catalog, const CatalogWords& words, const Settings& settings);
    Takes takes;
    Changes changes;
    const char* help;
};

constexpr CatalogVerb catalog_verbs[] = {
    {"list", list, Takes::nothing, Changes::nothing, "Lists all backups, oldest first."},
    {"show", show, Takes::backup, Changes::nothing, "Shows one backup and its objects."},
    {"keep", keep, Takes::backup, Changes::archive, "Marks a backup that is never to expire."},
    {"delete", remove, Takes::named_backup, Changes::archive,
     "Removes a backup, and the WAL that nothing needs any more."},
    {"expire", expire, Takes::nothing, Changes::archive,
     "Removes what archive.retention no longer wants, and what failed backups left."},
    {"close", close, Takes::named_backup, Changes::archive,
     "Records a backup of this instance that was killed as failed; for pgbosun run."},
    {"summary", summary, Takes::nothing, Changes::nothing, "One JSON line for pgbosun run."},
};

constexpr CatalogVerb wal_verbs[] = {
    {"list", list_wal, Takes::nothing, Changes::nothing, "Lists the archive's WAL as runs of segments without a hole."},
    {"verify", verify_wal, Takes::nothing, Changes::nothing,
     "Looks for holes; exit code 1 when recovery to now is impossible."},
};

void add_options(CLI::App& line, const CatalogVerb& verb, CatalogWords& words) {
    line.add_option("--config", words.config, "configuration file")->type_name("FILE");
    line.add_flag("--json", words.json, "JSON instead of text");
    const bool by_agent = verb.run == summary || verb.run == remove || verb.run == expire;
    if (by_agent) line.add_option("--report", words.report, "text, or json: as a job of pgbosun run tells its end");
    if (verb.run == summary) line.add_flag("--source", words.source, "of the archive that bootstrap.recovery names");
    if (verb.takes != Takes::nothing) {
        auto* id = line.add_option("ID", words.reference, "identifier, name, latest or oldest");
        // What is lost with it is meant: nobody removes the newest one by leaving the identifier out.
        if (verb.takes == Takes::named_backup) id->required();
    }
    if (verb.run == close) line.add_option("--error", words.error, "what its end was")->required();
    if (verb.run == remove) line.add_flag("--force", words.force, "also the only one, or one that may be under way");
    if (verb.run == expire) line.add_flag("--dry-run", words.dry_run, "only say what would go, and why the rest stays");
    if (verb.run == keep) {
        line.add_flag("--release", words.release, "it may expire again");
        line.add_flag("--standalone", words.standalone, "keep only the WAL that makes the backup itself consistent");
    }
}

// Nothing of another cluster's is changed, whatever the configuration says.
ExitCode run_allowed(const CatalogVerb& verb, backup::Catalog& catalog, const CatalogWords& words,
                     const Settings& settings) {
    if (verb.changes == Changes::archive) {
        const auto own = expect_own_archive(catalog, settings);
        if (!own) return words.report == "json" ? say_as_job(own.error()) : say_fault(own.error());
    }
    return verb.run(catalog, words, settings);
}

ExitCode run_verb(std::span<const CatalogVerb> verbs, const std::string& group, Arguments arguments) {
    const auto* verb = verbs.data();
    const auto* const last = verbs.data() + verbs.size();
    while (verb != last && (arguments.empty() || arguments[0] != verb->name)) ++verb;
    if (verb == last) {
        if (!arguments.empty() && !arguments[0].starts_with('-')) {
            std::vector<std::string> names;
            for (const auto& known : verbs) names.emplace_back(known.name);
            std::cerr << "pgbosun-archiver: " << unknown_command(arguments[0], group, names) << "\n";
        }
        std::cerr << "usage: pgbosun-archiver " << group << " COMMAND [--help] [...]\n";
        for (const auto& known : verbs) std::cerr << "  " << known.name << "\t" << known.help << "\n";
        return ExitCode::wrong_usage;
    }
    CatalogWords words;
    if (verb->takes == Takes::backup) words.reference = "latest";
    // As a person types it.
    CLI::App line(verb->help, "pgbosun " + (group == "catalog" ? "backup" : group) + " " + std::string(verb->name));
    add_options(line, *verb, words);
    if (const auto end = parse_command_line(line, arguments.subspan(1))) return *end;
    auto settings = read_configuration(words.config);
    if (!settings) return ExitCode::wrong_usage;
    const auto& recovery = settings->bootstrap.recovery;
    if (words.source && (!recovery || !recovery->source)) {
        log::error("the configuration has no bootstrap.recovery.source");
        return ExitCode::wrong_usage;
    }
    if (words.source) settings->archive = recovery->source;
    // What root made in a directory would be closed to the instance.
    if (verb->changes == Changes::archive && ::geteuid() == 0 && settings->run_as) {
        if (const auto became = host::become_user(*settings->run_as); !became) return say_fault(became.error());
        ::umask(077);
    }
    const auto store = open_archive(*settings->archive, object_store::MissingRoot::wait);
    if (!store) return ExitCode::wrong_usage;
    backup::Catalog catalog(*store, settings->archive->server_name);
    boost::asio::io_context loop;
    const JobSignals signals(loop, [&] { store->cancel(); });
    return run_beside(loop, [&] { return run_allowed(*verb, catalog, words, *settings); });
}

}  // namespace

ExitCode catalog_command(Arguments arguments) { return run_verb(catalog_verbs, "catalog", arguments); }

ExitCode wal_command(Arguments arguments) { return run_verb(wal_verbs, "wal", arguments); }

}  // namespace pgbosun::app
