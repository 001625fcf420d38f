#pragma once
// The program `pgbosun-archiver`: the service of an instance (no command), or one job (docs/decisions/0006).
// The table of commands is in archiver_program.cpp; each command is a file "<name>_command.cpp" with the
// function it names.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "app/exit_code.hpp"
#include "object_store/directory_store.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/object_store.hpp"
#include "pgbosun/settings.hpp"

namespace CLI {
class App;
}

namespace pgbosun::app {

using Arguments = std::span<const std::string>;

// `arguments` without argv[0].
int run_archiver_program(Arguments arguments);

// The commands. `arguments` without the command's name.
ExitCode service_command(Arguments arguments);
ExitCode backup_command(Arguments arguments);
ExitCode catalog_command(Arguments arguments);
ExitCode wal_command(Arguments arguments);
ExitCode claim_command(Arguments arguments);
ExitCode left_behind_command(Arguments arguments);
ExitCode linked_data_command(Arguments arguments);
ExitCode recovery_service_command(Arguments arguments);
ExitCode restore_command(Arguments arguments);
ExitCode drill_command(Arguments arguments);
ExitCode verify_command(Arguments arguments);
ExitCode wal_restore_command(Arguments arguments);

// For commands: fills what `line` was given to fill. A value: the command ends with it, for help was asked
// for (it is on standard output by now) or the line is wrong (that is on standard error).
std::optional<ExitCode> parse_command_line(CLI::App& line, Arguments arguments);

// For commands: reads the configuration (none: as configuration_file() finds it) and sends the log to
// standard error as it says. None: it cannot be used, and the log says why; ends with wrong_usage.
std::optional<Settings> read_configuration(const std::optional<std::string>& config);

// For commands: the archive's store. None: as above.
std::unique_ptr<ObjectStore> open_archive(const ArchiveSettings& archive, object_store::MissingRoot missing);

// A directory that is not there is waited for in a recovery, and where this cluster has archived before: it is not mounted.
object_store::MissingRoot missing_root_of(const Settings& settings);

// What a command that failed ends with: refused and conflict are `refused`, unavailable `no_answer`.
ExitCode exit_code_of(const Fault& fault);

}  // namespace pgbosun::app
