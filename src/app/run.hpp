#pragma once
#include <optional>
#include <string>

#include "app/arguments.hpp"
#include "app/settings_reader.hpp"

namespace pgbosun::app {

// `pgbosun run`: the composition root of PID 1. Returns the exit status when postgres is gone.
int run(const RunCommand& command);

// Parameters of PostgreSQL that pgbosun owns, for the settings reader.
std::optional<ParameterObjection> object_to_parameter(const std::string& name, const std::string& value);

// What kubelet shows as the container's last state; nothing where there is no such file.
void write_termination_message(const std::string& message);

// The directory of this program's file: its companions lie beside it.
std::string own_directory();

}  // namespace pgbosun::app
