#pragma once
// The command line as one of a closed set of commands. The only user of CLI11 in the project.

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "app/environment_view.hpp"
#include "app/exit_code.hpp"
#include "pgbosun/instance_control.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::app {

// Where an instance is to be asked; see choose_target().
struct Whereabouts {
    std::optional<std::string> socket;
    std::optional<std::string> url;
    std::optional<std::string> token_file;
    std::optional<std::string> ca_file;
    std::optional<std::string> cert_file, key_file;
    std::optional<std::string> config;
    bool operator==(const Whereabouts&) const = default;
};

enum class StatusFormat { text, json };
enum class Repetition { once, until_interrupted };

struct RunCommand {
    std::optional<std::string> config;  // as given; see configuration_file()
    bool operator==(const RunCommand&) const = default;
};
struct ConfigCheckCommand {
    std::optional<std::string> config;
    bool operator==(const ConfigCheckCommand&) const = default;
};
struct StatusCommand {
    Whereabouts where;
    StatusFormat format = StatusFormat::text;
    Repetition repetition = Repetition::once;
    bool operator==(const StatusCommand&) const = default;
};
struct ControlCommand {
    Whereabouts where;
    Verb verb{};
    std::string reason;
    bool force = false;    // promote only
    std::string upstream;  // demote only: conninfo to follow; empty: the configured one
    Duration wait = std::chrono::seconds(60);
    bool operator==(const ControlCommand&) const = default;
};
struct JournalCommand {
    Whereabouts where;
    Repetition repetition = Repetition::once;
    std::uint64_t since = 0;  // only entries with a greater id
    bool operator==(const JournalCommand&) const = default;
};
// POST /v1/backups.
struct BackupCommand {
    Whereabouts where;
    std::string name;  // empty: none
    std::optional<bool> incremental;
    Repetition repetition = Repetition::once;  // until_interrupted: waits for the end of it
    bool operator==(const BackupCommand&) const = default;
};
// DELETE /v1/backups/ID, of the one that is running.
struct CancelBackupCommand {
    Whereabouts where;
    bool operator==(const CancelBackupCommand&) const = default;
};
// What needs the store: the process becomes `pgbosun-archiver ARGUMENTS`.
struct StoreCommand {
    std::vector<std::string> arguments;
    bool operator==(const StoreCommand&) const = default;
};
struct VersionCommand {
    bool operator==(const VersionCommand&) const = default;
};
// Another way to write `pgbosun-archiver`: the process becomes that program.
struct ArchiverCommand {
    std::optional<std::string> config;
    bool operator==(const ArchiverCommand&) const = default;
};

using AnyCommand = std::variant<RunCommand, ConfigCheckCommand, StatusCommand, ControlCommand, JournalCommand,
                                BackupCommand, CancelBackupCommand, StoreCommand, VersionCommand, ArchiverCommand>;

// There is no command to carry out: help was asked for (done, for stdout), or the line is wrong (for stderr).
struct UsageEnd {
    ExitCode code = ExitCode::wrong_usage;
    std::string text;  // whole lines
};

// `arguments` without argv[0].
std::variant<AnyCommand, UsageEnd> parse_arguments(std::span<const std::string> arguments);

}  // namespace pgbosun::app
