// The program `pgbosun-archiver`: WAL out and WAL back, for one instance. PID 1 starts it.

#include <unistd.h>

#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "app/configuration.hpp"
#include "app/exit_code.hpp"
#include "app/posix_outside.hpp"
#include "archive/service.hpp"
#include "host/log_output.hpp"
#include "object_store/open.hpp"
#include "pgbosun/log.hpp"

int main(int argc, char** argv) {
    using namespace pgbosun;
    using namespace pgbosun::app;

    const std::vector<std::string> arguments(argv + 1, argv + argc);
    std::optional<std::string> config;
    if (arguments.size() == 2 && arguments[0] == "--config") {
        config = arguments[1];
    } else if (!arguments.empty()) {
        std::cerr << "usage: pgbosun-archiver [--config FILE] (started by pgbosun run)\n";
        return static_cast<int>(ExitCode::wrong_usage);
    }
    const auto environment = process_environment();
    const auto read = load_settings(configuration_file(config, environment), environment, PosixOutside());
    host::log_output::use(STDERR_FILENO, read.settings.log.format, log_level_of(read.settings));
    if (!read.usable() || !read.settings.archive) {
        for (const auto& finding : read.findings) log::error(to_text(finding));
        if (!read.settings.archive) log::error("the configuration has no archive");
        return static_cast<int>(ExitCode::wrong_usage);
    }
    const std::string recovery = read.settings.data_directory() + "/recovery.signal";
    const auto missing = ::access(recovery.c_str(), F_OK) == 0 ? object_store::MissingRoot::wait
                                                               : object_store::MissingRoot::make;
    auto store = object_store::open(*read.settings.archive, missing);
    if (!store) {
        log::error("the archive cannot be opened: " + store.error().what, {{"hint", store.error().hint}});
        return static_cast<int>(ExitCode::wrong_usage);
    }
    return archive::run_archiver(read.settings, **store);
}
