#pragma once
// Of which cluster the data on the configured volume is; an operator's machine with the configuration alone has none.

#include <optional>

#include "backup/catalog.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::app {

// None: there is no data directory, or it may not be read. A Fault: it is there, and does not tell.
Result<std::optional<SystemId>> system_id_of_volume(const Settings& settings);

// Before anything of the archive is changed. refused: it is another cluster's than the data on this volume.
Result<> expect_own_archive(backup::Catalog& catalog, const Settings& settings);

}  // namespace pgbosun::app
