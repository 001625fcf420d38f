// `pgbosun-archiver recovery-service`: gives PostgreSQL the WAL of bootstrap.recovery.source, until PID 1
// ends it.

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "app/archiver_program.hpp"
#include "archive/service.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::app {

ExitCode recovery_service_command(Arguments arguments) {
    CLI::App line("Serves restore_command from bootstrap.recovery.source; started by pgbosun run.",
                  "pgbosun-archiver recovery-service");
    std::optional<std::string> config;
    line.add_option("--config", config, "configuration file")->type_name("FILE");
    if (const auto end = parse_command_line(line, arguments)) return *end;
    auto settings = read_configuration(config);
    if (!settings) return ExitCode::wrong_usage;
    const auto& recovery = settings->bootstrap.recovery;
    if (!recovery || !recovery->source) {
        log::error("the configuration has no bootstrap.recovery.source");
        return ExitCode::wrong_usage;
    }
    settings->archive = recovery->source;
    // An archive that is not mounted yet is waited for: an empty one in its place would end the recovery too
    // early.
    const auto store = open_archive(*settings->archive, object_store::MissingRoot::wait);
    if (!store) return ExitCode::wrong_usage;
    return static_cast<ExitCode>(archive::run_archiver(*settings, *store, archive::Serves::recovery));
}

}  // namespace pgbosun::app
