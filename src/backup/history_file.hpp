#pragma once
// The history of the timeline that a backup ended on, from the server's own directory.

#include <string>

#include "pgbosun/fault.hpp"
#include "wal/history.hpp"

namespace pgbosun::backup {

// Of `timeline`, where a backup ended that began on `begun`. The file is needed only when they differ: a directory that
// was restored need not have it.
Result<wal::TimelineHistory> history_at(const std::string& data_directory, Timeline timeline, Timeline begun);

}  // namespace pgbosun::backup
