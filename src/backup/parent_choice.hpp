#pragma once
// Decision: what an incremental backup builds on.

#include <expected>
#include <string>
#include <vector>

#include "backup/backup_sql.hpp"
#include "backup/catalog.hpp"

namespace pgbosun::backup {

// The newest one that is done. refused: this server cannot make an incremental one, or there is nothing to build on.
Result<Backup> choose_parent(const std::vector<Backup>& backups, const BackupServer& server);

// refused: "an incremental backup is not possible: <why>".
std::unexpected<Fault> no_incremental(const std::string& why, std::string hint);

}  // namespace pgbosun::backup
