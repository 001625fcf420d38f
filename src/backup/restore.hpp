#pragma once
// A backup becomes a data directory again. Blocks; several threads of its own; no clock but for the progress.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backup/catalog.hpp"
#include "backup/recovery_settings.hpp"
#include "backup/restore_target.hpp"
#include "pgbosun/job_link.hpp"

namespace pgbosun::backup {

struct RestoreOrder {
    RestorePlaces places;
    int workers = 4;
    // What PostgreSQL is told; the last lines of postgresql.auto.conf, with recovery.signal beside it.
    RecoveryParameters parameters;
    // About four times a second, on one thread, until run() returns. May be empty.
    std::function<void(const JobProgress&)> progress;
};

struct RestoredBackup {
    std::uint64_t bytes = 0;   // of files
    std::uint64_t stored = 0;  // of tars, as they lay in the store
    bool checked = false;      // each file was compared with the manifest
    std::vector<std::string> notes;  // for a person, each one line
};

// Success: the directory is whole and durable, and PostgreSQL recovers in it when it is started. On a Fault nothing is
// left that the next restore would not remove. corrupt: the backup is damaged. refused: the target is not empty, there
// is not enough room, the backup is not DONE. cancelled or unavailable: after the store was cancelled.
Result<RestoredBackup> restore(Catalog& catalog, const Backup& backup, const RestoreOrder& order);

}  // namespace pgbosun::backup
