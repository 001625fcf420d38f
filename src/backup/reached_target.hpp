#pragma once
// Shell: a position at the end of the WAL that there is, as a target that PostgreSQL reaches.

#include "backup/choice.hpp"

namespace pgbosun::backup {

// PostgreSQL stops at the first record that begins at its target or behind it, and fails when none comes: neither the end of
// the last record (what pg_current_wal_lsn() shows at the end of a segment) nor the begin of a hole is ever reached. What
// lies behind the begin of the last record that there is becomes that begin, included: the same records are replayed. Every
// other target stays as it is. Reads a segment of WAL or two. A Fault: the store did not answer.
Result<RecoveryTarget> reached_target(Catalog& catalog, const ArchiveFacts& facts, const Backup& backup,
                                      RecoveryTarget target);

}  // namespace pgbosun::backup
