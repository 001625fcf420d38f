#pragma once
// `pgbosun config check` lets PostgreSQL itself judge postgresql.parameters: it knows its names, units and ranges.

#include "app/settings_reader.hpp"

namespace pgbosun::app {

// Adds an error for each parameter that the postgres of postgresql.bin_dir refuses. Starts that program, which touches no
// data; blocks, for 10 seconds at most. Nothing is said when the program cannot be started: that is another finding.
void try_parameters(ReadSettings& read);

}  // namespace pgbosun::app
