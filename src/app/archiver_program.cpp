#include "app/archiver_program.hpp"

#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <iostream>
#include <utility>
#include <vector>

#include "app/configuration.hpp"
#include "app/posix_outside.hpp"
#include "app/unknown_command.hpp"
#include "archive/known_archive.hpp"
#include "host/log_output.hpp"
#include "object_store/destination.hpp"
#include "object_store/open.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::app {
namespace {

struct ArchiverCommand {
    std::string_view name;
    ExitCode (*run)(Arguments arguments);
    std::string_view help;
};

constexpr std::array commands = {
    ArchiverCommand{"backup", backup_command, "take a base backup"},
    ArchiverCommand{"catalog", catalog_command, "list, show, keep, delete and expire backups"},
    ArchiverCommand{"wal", wal_command, "list the archive's WAL, or look for holes in it"},
    ArchiverCommand{"claim", claim_command, "claim a scheduled moment; `pgbosun run` starts it"},
    ArchiverCommand{"left-behind", left_behind_command, "WAL of a former primary; `pgbosun run` starts it"},
    ArchiverCommand{"linked-data", linked_data_command,
                    "tablespaces and WAL beside a data directory; `pgbosun run` starts it"},
    ArchiverCommand{"recovery-service", recovery_service_command,
                    "WAL for bootstrap.recovery; `pgbosun run` starts it"},
    ArchiverCommand{"restore", restore_command, "make a data directory of a backup"},
    ArchiverCommand{"verify", verify_command, "read a backup and its WAL back, and say what is wrong"},
    ArchiverCommand{"drill", drill_command, "prove a backup: restore, recover and check it in scratch"},
    ArchiverCommand{"wal-restore", wal_restore_command, "fetch one file of WAL: a restore_command"},
};

void print_usage(std::ostream& out) {
    out << "usage: pgbosun-archiver [--config FILE]            the service; `pgbosun run` starts it\n"
           "       pgbosun-archiver COMMAND [--help] [...]\n";
    for (const auto& command : commands) out << "  " << command.name << "\t" << command.help << "\n";
}

}  // namespace

int run_archiver_program(Arguments arguments) {
    if (arguments.empty() || arguments[0] == "--config") return static_cast<int>(service_command(arguments));
    for (const auto& command : commands) {
        if (arguments[0] == command.name) return static_cast<int>(command.run(arguments.subspan(1)));
    }
    const bool asked = arguments[0] == "--help" || arguments[0] == "-h";
    if (!asked) {
        std::vector<std::string> known;
        for (const auto& command : commands) known.emplace_back(command.name);
        std::cerr << "pgbosun-archiver: " << unknown_command(arguments[0], "", known) << "\n";
    }
    print_usage(asked ? std::cout : std::cerr);
    return static_cast<int>(asked ? ExitCode::done : ExitCode::wrong_usage);
}

std::optional<ExitCode> parse_command_line(CLI::App& line, Arguments arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    try {
        line.parse(std::move(reversed));
    } catch (const CLI::CallForHelp&) {
        std::cout << line.help();
        return ExitCode::done;
    } catch (const CLI::ParseError& problem) {
        std::cerr << line.get_name() << ": " << explain_refused_archive_line(line, problem) << "\nTry \""
                  << line.get_name() << " --help\".\n";
        return ExitCode::wrong_usage;
    }
    return std::nullopt;
}

std::optional<Settings> read_configuration(const std::optional<std::string>& config) {
    const auto environment = process_environment();
    const PosixOutside outside;
    const auto file = configuration_file(config, environment);
    auto read = load_settings(file, environment, outside);
    host::log_output::use(STDERR_FILENO, read.settings.log.format, log_level_of(read.settings));
    if (!file && !has_run_here(read.settings, outside)) {
        log::error("no configuration: give --config or set PGBOSUN_CONFIG");
        return std::nullopt;
    }
    // `pgbosun run` names one always.
    if (!file) {
        log::warning(
            "no configuration was named: the archive is that of an instance without one",
            {{"archive", read.settings.archive->destination}, {"hint", "give --config or set PGBOSUN_CONFIG"}});
    }
    if (read.usable() && read.settings.archive) return std::move(read.settings);
    for (const auto& finding : read.findings) log::error(to_text(finding));
    if (!read.settings.archive) log::error("the configuration has no archive");
    return std::nullopt;
}

std::unique_ptr<ObjectStore> open_archive(const ArchiveSettings& archive, object_store::MissingRoot missing) {
    auto store = object_store::open(archive, missing);
    if (store) return *std::move(store);
    log::error("the archive cannot be opened: " + store.error().what, {{"hint", store.error().hint}});
    return nullptr;
}

object_store::MissingRoot missing_root_of(const Settings& settings) {
    const std::string recovery = settings.data_directory() + "/recovery.signal";
    if (::access(recovery.c_str(), F_OK) == 0) return object_store::MissingRoot::wait;
    const auto destination = object_store::parse_destination(settings.archive->destination);
    const auto* directory = destination ? std::get_if<object_store::DirectoryDestination>(&*destination) : nullptr;
    if (directory == nullptr) return object_store::MissingRoot::make;
    const std::string place = "file://" + directory->path + "/" + settings.archive->server_name;
    const bool known = archive::KnownArchive(settings.state_directory()).holds(place);
    return known ? object_store::MissingRoot::wait : object_store::MissingRoot::make;
}

ExitCode exit_code_of(const Fault& fault) {
    switch (fault.kind) {
        case FaultKind::refused:
        case FaultKind::conflict: return ExitCode::refused;
        case FaultKind::unavailable: return ExitCode::no_answer;
        case FaultKind::not_found:
        case FaultKind::corrupt:
        case FaultKind::cancelled: return ExitCode::failed;
    }
    std::unreachable();
}

}  // namespace pgbosun::app
