#pragma once
// Decision: the backups that an incremental one needs.

#include <vector>

#include "backup/catalog.hpp"

namespace pgbosun::backup {

// From the full one to `wanted`, which is the last; a full one stands alone. refused: one of them is not there, or not
// done.
Result<std::vector<Backup>> chain_of(const std::vector<Backup>& backups, const Backup& wanted);

}  // namespace pgbosun::backup
