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

// The last WAL that a recovery reaches, and its target is a position in it.
struct WalEdge {
    WalPath path;
    wal::WalSegment last;  // the last whole segment; pieces of the next one may be there
};
// None: the target is no position, or lies before that.
std::optional<WalEdge> edge_of(const ArchiveFacts& facts, const RecoveryTarget& target, const Backup& backup);

}  // namespace pgbosun::backup
