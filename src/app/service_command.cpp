// `pgbosun-archiver [--config FILE]`: WAL out and WAL back, for one instance.

#include <unistd.h>

#include <iostream>

#include "app/archiver_program.hpp"
#include "archive/service.hpp"

namespace pgbosun::app {

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
    return static_cast<ExitCode>(archive::run_archiver(*settings, *store));
}

}  // namespace pgbosun::app
