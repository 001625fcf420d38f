#pragma once
// `pgbosun config check`.

#include <iosfwd>

#include "app/exit_code.hpp"
#include "app/outside.hpp"
#include "app/settings_reader.hpp"

namespace pgbosun::app {

// Adds what is wrong outside of the file: files that it names and that are not there, not readable or, when
// they hold a secret, readable by everybody; encryption keys that are none; directories that cannot be written; a
// bin_dir without PostgreSQL's programs.
void check_outside(ReadSettings& read, const EnvironmentView& environment, const Outside& outside);

// The findings, one a line, then the effective configuration. wrong_usage when a finding is an error.
ExitCode print_check(const ReadSettings& read, std::ostream& out);

}  // namespace pgbosun::app
