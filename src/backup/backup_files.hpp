#pragma once
// A backup as files to be read: its tars, and what its manifest says of them.

#include <memory>
#include <optional>
#include <vector>

#include "backup/catalog.hpp"
#include "backup/manifest_check.hpp"
#include "backup/tar_set.hpp"

namespace pgbosun::backup {

struct BackupFiles {
    std::vector<Tar> tars;
    std::uint64_t stored = 0;  // bytes of the tars
    // None: there is no manifest, as in what Barman writes. As it was read, for the data directory.
    std::optional<std::string> manifest;
    std::unique_ptr<ManifestCheck> check;  // with a manifest only
};

// refused: the backup is not DONE, or not made of tars. `backup.info` must be there.
Result<> expect_tars(const Backup& backup);

// corrupt: the backup is not whole, as far as that is seen without reading its tars.
Result<BackupFiles> open_backup(Catalog& catalog, const Backup& backup);

}  // namespace pgbosun::backup
