#pragma once
// Which objects of a backup are its tars, and whether they can be all of them.

#include <cstdint>
#include <string>
#include <vector>

#include "backup/backup_info.hpp"
#include "backup/layout.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::backup {

struct Tar {
    std::string key;
    TarName name;
    std::uint64_t size = 0;  // as stored
    bool operator==(const Tar&) const = default;
};

// Largest first, which keeps workers busy to the end. corrupt: there is none of the data directory or of a tablespace
// that backup.info names, a part is missing between others, or a part lies there twice with different extensions.
Result<std::vector<Tar>> tars_of(const BackupInfo& info, const std::vector<ObjectFacts>& objects);

// As the manifest calls a file of this tar: "pg_tblspc/<oid>/PG_..." for one of a tablespace.
std::string manifest_path(const TarName& tar, const std::string& path);

}  // namespace pgbosun::backup
