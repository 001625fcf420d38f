#pragma once
// Replication slots of a former primary. Nobody asks them for WAL any more, which they would keep.

#include "pgbosun/file_system.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::supervision {

// While no postgres runs there. Each slot is gone or whole, also when this is killed on the way, and the next start of
// PostgreSQL removes what is gone.
Task<Result<>> drop_slots(FileSystem& files, const Settings& settings);

}  // namespace pgbosun::supervision
