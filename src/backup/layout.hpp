#pragma once
// Where a backup's objects lie: Barman's layout below "<server>/base/<id>/". Objects of ours that Barman ignores are
// named here too.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "archive/layout.hpp"
#include "backup/backup_id.hpp"

namespace pgbosun::backup {

std::string base_prefix(std::string_view server);                       // "<server>/base/"
std::string backup_prefix(std::string_view server, const BackupId& id);  // "<server>/base/<id>/"
std::string backup_info_key(std::string_view server, const BackupId& id);
std::string keep_key(std::string_view server, const BackupId& id);      // annotations/keep: "full" or "standalone"
std::string manifest_key(std::string_view server, const BackupId& id);  // backup_manifest.zst

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

// Incremental backups lie beside base/, where Barman does not look: "<server>/incremental/<id>/".
std::string incremental_base(std::string_view server);
std::string incremental_prefix(std::string_view server, const BackupId& id);

}  // namespace pgbosun::backup
