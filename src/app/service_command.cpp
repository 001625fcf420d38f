// `pgbosun-archiver [--config FILE]`: WAL out and WAL back, for one instance.

#include <unistd.h>

#include <iostream>

#include "app/archiver_program.hpp"
#include "app/own_cluster.hpp"
#include "archive/known_archive.hpp"
#include "archive/service.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::app {
namespace {

// It may be meant: then what was archived before is found under the former name alone.
void warn_of_another_place(const Settings& settings, const ObjectStore& store) {
    const auto system_id = system_id_of_volume(settings);
    if (!system_id || !*system_id) return;
    const std::string before = archive::KnownArchive(settings.state_directory()).of(**system_id);
    const std::string now = store.describe() + "/" + settings.archive->server_name;
    if (before.empty() || before == now) return;
    log::warning("this cluster has archived elsewhere until now",
                 {{"before", before},
                  {"now", now},
                  {"hint", "take a backup; if it is not meant: archive.destination, archive.server_name, cluster"}});
}

}  // namespace

ExitCode service_command(Arguments arguments) {
    std::optional<std::string> config;
    if (arguments.size() == 2 && arguments[0] == "--config") {
        config = arguments[1];
    } else if (!arguments.empty()) {
        std::cerr << "usage: pgbosun-archiver [--config FILE] (started by pgbosun run)\n";
        return ExitCode::wrong_usage;
    }
    const auto settings = read_configuration(config);
    if (!settings) return ExitCode::wrong_usage;
    const auto missing = missing_root_of(*settings);
    const auto store = open_archive(*settings->archive, missing);
    if (!store) return ExitCode::wrong_usage;
    warn_of_another_place(*settings, *store);
    return static_cast<ExitCode>(archive::run_archiver(*settings, *store));
}

}  // namespace pgbosun::app
