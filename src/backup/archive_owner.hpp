#pragma once
// Shell: whose archive it is, for whoever is about to change what others have put there.

#include <optional>
#include <vector>

#include "backup/catalog.hpp"

namespace pgbosun::backup {

// As its identity object says; without one, as the newest backup that is done says. None: nobody knows.
Result<std::optional<SystemId>> owner_of(Catalog& catalog, const std::vector<Backup>& backups);

// refused: it is known to be another cluster's. A Fault also when nobody can tell now.
Result<> expect_owner(Catalog& catalog, SystemId ours);

}  // namespace pgbosun::backup
