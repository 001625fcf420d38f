#pragma once
// Decision: whether a clone comes from the archive (a backup, and the WAL since it began) or from the primary
// (pg_basebackup).
//
// A restore reads compressed objects in parallel and spares the primary; what it costs more is the replay. So it is
// quicker while the WAL since the backup began is small beside the data. It is possible only when the backup is of the
// primary's own history: what PostgreSQL replays past a fork of another one can never follow.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "instance/rejoin.hpp"
#include "pgbosun/catalog_summary.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::instance {

// The WAL to replay may be the data's size divided by this.
inline constexpr std::uint64_t data_over_wal = 4;
// A backup may be as many times as large as the primary's data is now.
inline constexpr std::uint64_t backup_over_data = 2;

// The backup that was weighed, with what the choice rests on.
struct WeighedBackup {
    std::string id;
    Position begin;
    Lsn end;
    std::uint64_t bytes = 0;      // of the data that it makes: of an incremental one, of its full backup
    std::uint64_t wal_bytes = 0;  // to be replayed, up to the primary's position
    std::optional<WallTime> ended_at;
};

enum class CloneSource { primary, archive };

struct CloneChoice {
    CloneSource source{};
    std::string_view why;  // one line for journal and status
    std::optional<WeighedBackup>
        backup;  // archive: to be restored. primary: the newest of its history; none: there is none
};

// `wanted`: quicker or archive; archive: as soon as it is possible. `data_bytes`: of the primary's databases; none: not
// known.
CloneChoice choose_clone_source(CloneFrom wanted, const CatalogSummary& archive, const Upstream& upstream,
                                std::optional<std::uint64_t> data_bytes);

}  // namespace pgbosun::instance
