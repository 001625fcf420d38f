#pragma once
// Asks a server what it does not take of its configuration files.

#include "pgbosun/pg_session.hpp"

namespace pgbosun::supervision {

// refused: names the first parameter, its value and PostgreSQL's reason, and how many more there are; or the first line of
// pg_hba.conf or pg_ident.conf. What waits for a restart is no refusal. A server that does not answer in time has refused nothing.
Task<Result<>> check_refused_settings(PgSession& session);

}  // namespace pgbosun::supervision
