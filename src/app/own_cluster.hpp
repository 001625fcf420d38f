#pragma once
// Of which cluster the data on the configured volume is; an operator's machine with the configuration alone has none.

#include <optional>

#include "backup/catalog.hpp"
#include "pgbosun/settings.hpp"
#include "postgres/control_data.hpp"

namespace pgbosun::app {

// None: there is no data directory, or it may not be read. A Fault: it is there, and does not tell.
Result<std::optional<postgres::ControlData>> control_data_of_volume(const Settings& settings);
Result<std::optional<SystemId>> system_id_of_volume(const Settings& settings);

// Before anything of the archive is changed. refused: it is another cluster's than the data on this volume.
Result<> expect_own_archive(backup::Catalog& catalog, const Settings& settings);

// Of a standby the archive is its cluster's, though it has never archived there: when it is promoted, and told of another place
// meanwhile, it knows which one was its own. What cannot be read, or written, is left for the next time.
void remember_archive_of_standby(backup::Catalog& catalog, const Settings& settings);

}  // namespace pgbosun::app
