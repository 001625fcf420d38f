#pragma once
// The `backup_label` that pg_backup_stop returns, and that recovery starts from (PostgreSQL: xlogbackup.c).

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/lsn.hpp"
#include "wal/segment.hpp"

namespace pgbosun::backup {

inline constexpr std::size_t longest_label = std::size_t{64} << 10;  // bytes

struct BackupLabel {
    Lsn start;                            // START WAL LOCATION
    wal::SegmentName start_file;          // in its parentheses
    Lsn checkpoint;                       // CHECKPOINT LOCATION
    bool from_standby = false;            // BACKUP FROM
    Timeline start_timeline{};            // START TIMELINE
    std::optional<Lsn> incremental_from;  // INCREMENTAL FROM LSN (17 and newer)
    std::optional<Timeline> incremental_timeline;
    std::string label;  // LABEL
    bool operator==(const BackupLabel&) const = default;
};

// corrupt: not what PostgreSQL 15 to 18 writes.
Result<BackupLabel> parse_backup_label(std::string_view text);

}  // namespace pgbosun::backup
