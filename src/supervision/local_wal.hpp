#pragma once
// How far the WAL of the local server reaches, and through which timelines, asked of the server while it runs.

#include "pgbosun/pg_session.hpp"
#include "pgbosun/task.hpp"
#include "wal/archive_marks.hpp"

namespace pgbosun::supervision {

// A standby's: all that it has received or replayed. `otherwise`: the timeline, where pg_wal does not have the end any more.
Task<Result<wal::Reach>> reach_of_standby(PgSession& session, Timeline otherwise, std::uint32_t segment_bytes);

// A promoted standby's: all that it had not written itself. unavailable: it is still in recovery.
Task<Result<wal::Reach>> reach_before_promotion(PgSession& session);

}  // namespace pgbosun::supervision
