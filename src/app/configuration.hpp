#pragma once
// From a file's name, or none, to settings that can be run with.

#include <optional>
#include <string>

#include "app/outside.hpp"
#include "app/settings_reader.hpp"
#include "pgbosun/log.hpp"

namespace pgbosun::app {

// --config, else PGBOSUN_CONFIG, made absolute; none: the embedded default.
std::optional<std::string> configuration_file(const std::optional<std::string>& given,
                                              const EnvironmentView& environment);

// Whether an instance with these settings has left a volume here. The embedded default's lies below the working directory,
// and a command that was given no file uses it only then.
bool has_run_here(const Settings& embedded, const Outside& outside);

// Reads the file (or takes the embedded default) and resolves postgresql.bin_dir. A file that cannot be read
// and a missing PostgreSQL are findings like any other.
ReadSettings load_settings(const std::optional<std::string>& file, const EnvironmentView& environment,
                           const Outside& outside, const ParameterCheck& parameter_check = {});

// `log.level`, checked when it was read.
log::Level log_level_of(const Settings& settings);

// Where postgres is, for choose_bin_dir().
void resolve_bin_dir(ReadSettings& read, const EnvironmentView& environment, const Outside& outside);

}  // namespace pgbosun::app
