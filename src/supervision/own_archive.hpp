#pragma once
// Whether a cluster that came from an archive may archive where it is told to: two histories in one archive are no archive.

#include <functional>

#include "pgbosun/catalog_summary.hpp"
#include "pgbosun/file_system.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/task.hpp"
#include "supervision/inspection.hpp"

namespace pgbosun::supervision {

// One look at the instance's own archive.
using LookAtCatalog = std::function<Task<Result<CatalogSummary>>()>;

// Success too when there is no archive. conflict: it has something already.
Task<Result<>> own_archive_is_empty(const Settings& settings, const LookAtCatalog& look);

// Of a directory that was restored by hand: refused unless its own archive is empty. A standby's is its cluster's.
Task<> judge_copy(const Settings& settings, const LookAtCatalog& look, Inspection& found);

// Before PostgreSQL is started there: what it archives from now on is its own. Without an archive nothing is decided yet.
Task<Result<>> forget_copy(FileSystem& files, const Settings& settings, const Inspection& found);

}  // namespace pgbosun::supervision
