#pragma once
// Fact: what lies in the place of a backup that is under way, and is gone when there is a backup.info.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "backup/backup_id.hpp"

namespace pgbosun::backup {

inline constexpr std::string_view claim_name = "pgbosun.claim";
inline constexpr std::size_t longest_claim = 4096;  // bytes

struct BackupClaim {
    std::string instance;            // that takes it
    std::optional<BackupId> parent;  // of an incremental one
    bool operator==(const BackupClaim&) const = default;
};

// The instance's name, then a line "parent <id>".
std::string render(const BackupClaim& claim);
// Lines that are not known are skipped.
BackupClaim parse_claim(std::string_view text);

}  // namespace pgbosun::backup
