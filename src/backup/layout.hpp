#pragma once
// Where a backup's objects lie: Barman's layout below "<server>/base/<id>/". Objects of ours that Barman
// ignores are named here too.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/layout.hpp"
#include "backup/backup_id.hpp"

namespace pgbosun::backup {

enum class Kind { full, incremental };

// "<server>/base/". Incremental ones lie beside it, where Barman does not look: "<server>/incremental/".
std::string base_prefix(std::string_view server, Kind kind = Kind::full);
// "<server>/base/<id>/"
std::string backup_prefix(std::string_view server, const BackupId& id, Kind kind = Kind::full);
std::string backup_info_key(std::string_view server, const BackupId& id, Kind kind = Kind::full);
// annotations/keep: "full" or "standalone"
std::string keep_key(std::string_view server, const BackupId& id, Kind kind = Kind::full);
// pgbosun.claim
std::string claim_key(std::string_view server, const BackupId& id, Kind kind);
// backup_manifest.zst
std::string manifest_key(std::string_view server, const BackupId& id, Kind kind = Kind::full);

// A tar of a backup: "data.tar.zst", "data_0001.tar.gz", "16384.tar", "16384_0002.tar.lz4".
struct TarName {
    std::optional<std::uint32_t> tablespace;  // none: the data directory
    int part = 0;                             // 0 has no suffix
    archive::Encoding encoding = archive::Encoding::plain;
    bool operator==(const TarName&) const = default;
};
std::string to_string(const TarName& name);
// None: another object, which readers skip.
std::optional<TarName> parse_tar_name(std::string_view name);

}  // namespace pgbosun::backup
