#pragma once
// Decision: what libpq is told for a session. What it is not told it looks for below the home directory, and waits for the disk.

#include "postgres/libpq_session.hpp"

namespace pgbosun::postgres {

// `further` is of the target, or one of its hosts. `environment`: keywords that libpq has from variables (PGSSLMODE, ...), which
// count as given.
Conninfo session_keywords(const SessionTarget& target, Conninfo further, const Conninfo& environment);

}  // namespace pgbosun::postgres
