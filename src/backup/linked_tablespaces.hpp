#pragma once
// Shell: the tablespaces of a data directory that lie outside of it. Replay makes one that is younger than the backup again at
// its own place, whatever the restored directory is called: beside a live server that is the live one.

#include <cstdint>
#include <map>
#include <string>

#include "backup/backup_info.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::backup {

// oid -> where the link leads. None: there is no such directory. Blocking.
Result<std::map<std::uint32_t, std::string>> linked_tablespaces(const std::string& data_directory);

// refused, with `hint`: the data directory has a tablespace that the backup does not have. Blocking.
Result<> expect_no_younger_tablespace(const std::string& data_directory, const BackupInfo& backup,
                                      const std::string& hint);

}  // namespace pgbosun::backup
