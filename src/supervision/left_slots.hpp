#pragma once
// Replication slots of a former primary. Nobody asks them for WAL any more, which they would keep; those that its new primary
// has are made again. Who keeps slots in step by means of their own excludes them (Patroni's ignore_slots).

#include "pgbosun/file_system.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::supervision {

// While no postgres runs there. Each slot is gone or whole, also when this is killed on the way, and the next start of
// PostgreSQL removes what is gone.
Task<Result<>> drop_slots(FileSystem& files, const Settings& settings);
// It comes up as a standby, and may be given its place back: its slots are noted as mirrored ones (mirrored_slots.hpp), so those
// that the primary does not have go once it follows one.
Task<Result<>> note_slots(FileSystem& files, const Settings& settings);

}  // namespace pgbosun::supervision
