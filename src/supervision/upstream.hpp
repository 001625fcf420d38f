#pragma once
// Asks the primary that is to be followed for the facts that a rejoin is planned with. It is asked with SQL, as the
// replication user, who may read what pg_rewind reads.

#include <optional>
#include <string>

#include "instance/rejoin.hpp"
#include "pgbosun/pg_session.hpp"
#include "pgbosun/task.hpp"
#include "wal/segment.hpp"

namespace pgbosun::supervision {

// unavailable: it does not answer, or is no primary (yet).
Task<Result<instance::Upstream>> ask_upstream(PgSession& session);

// Bytes of all its databases. none: the user may not know.
Task<Result<std::optional<std::uint64_t>>> ask_data_size(PgSession& session);

// What is in `<directory>/pg_wal/<timeline>.history`; timeline 1 has none.
std::string history_file(Timeline timeline);

}  // namespace pgbosun::supervision
