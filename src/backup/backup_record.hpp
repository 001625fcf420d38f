#pragma once
// A backup's place in the archive, from the claim of its identifier to the backup.info that makes it one or says that it
// failed. Shell, for every kind of backup.

#include <string>

#include "backup/backup_claim.hpp"
#include "backup/backup_id.hpp"
#include "backup/backup_info.hpp"
#include "backup/layout.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::backup {

struct BackupPlace {
    std::string server;  // name in the archive
    Kind kind = Kind::full;
    BackupId id;
    BackupClaim claim = {};  // ours, while it is under way
    [[nodiscard]] std::string prefix() const { return backup_prefix(server, id, kind); }
};

// An identifier that is later than all others of the server, of both kinds, and ours alone. unavailable also: others took
// every one that was tried.
Result<BackupPlace> claim_backup(ObjectStore& store, const std::string& server, Kind kind, const BackupClaim& claim);

// The backup is whole: its backup.info, which makes it one. not_found: somebody removed it while it was taken.
Result<> record_done(ObjectStore& store, const BackupPlace& place, const BackupInfo& info);

// As FAILED with the fault, as far as that is possible; its data is removed, whatever becomes of its uploads.
void record_failure(ObjectStore& store, const BackupPlace& place, BackupInfo info, const Fault& fault);

}  // namespace pgbosun::backup
