#pragma once
// Decision: which backup a recovery begins with.

#include <string>

#include "backup/coverage.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::backup {

// `reference`: "latest" (the newest one that reaches the target), "oldest", an identifier or a name. Its end
// is at or before the target, its own WAL is in the archive, and no hole that can be known lies before the
// target. A target that is a transaction or a name could be anywhere: the backup must then be named. refused:
// it is not possible, and the hint says what is. not_found: no such backup.
Result<Backup> choose_backup(const ArchiveFacts& facts, const RecoveryTarget& target, const std::string& reference,
                             WallTime now);

}  // namespace pgbosun::backup
