#pragma once
// `pgbosun config check` lets PostgreSQL itself judge postgresql.parameters: it knows its names, units and ranges.

#include "app/settings_reader.hpp"

namespace pgbosun::app {

// Adds an error for each parameter that the postgres of postgresql.bin_dir refuses. Starts that program a few times, each
// for 10 seconds at most; it touches no data. Nothing is said when it cannot be started: that is another finding.
void try_parameters(ReadSettings& read);

}  // namespace pgbosun::app
