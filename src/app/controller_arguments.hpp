#pragma once
// The command line of pgbosun-controller as one of a closed set of commands.

#include <optional>
#include <span>
#include <string>
#include <variant>

#include "app/arguments.hpp"
#include "pgbosun/controller_control.hpp"

namespace pgbosun::app {

// Where a controller is to be asked.
struct ControllerWhereabouts {
    std::optional<std::string> url;  // else PGBOSUN_CONTROLLER_URL, else http://127.0.0.1:8009
    std::optional<std::string> token_file;
    std::optional<std::string> ca_file;
    bool operator==(const ControllerWhereabouts&) const = default;
};

struct RunControllerCommand {
    std::string config;
    bool operator==(const RunControllerCommand&) const = default;
};
struct ControllerStatusCommand {
    ControllerWhereabouts where;
    StatusFormat format = StatusFormat::text;
    bool operator==(const ControllerStatusCommand&) const = default;
};
struct ControllerVerbCommand {
    ControllerWhereabouts where;
    ControllerVerb verb{};
    std::string to;
    std::string source;
    Duration wait = std::chrono::seconds(60);
    std::string lost{};
    bool operator==(const ControllerVerbCommand&) const = default;
};

using AnyControllerCommand =
    std::variant<RunControllerCommand, ControllerStatusCommand, ControllerVerbCommand, VersionCommand>;

// `arguments` without argv[0].
std::variant<AnyControllerCommand, UsageEnd> parse_controller_arguments(std::span<const std::string> arguments);

}  // namespace pgbosun::app
