#pragma once
// Decision: the backups that an incremental one needs.

#include <set>
#include <vector>

#include "backup/catalog.hpp"

namespace pgbosun::backup {

// From the full one to `wanted`, which is the last; a full one stands alone. refused: one of them is not there, or not
// done.
Result<std::vector<Backup>> chain_of(const std::vector<Backup>& backups, const Backup& wanted);

// Those that are done, and all that they build on is. `backups`: oldest first.
std::set<BackupId> whole_backups(const std::vector<Backup>& backups);

}  // namespace pgbosun::backup
