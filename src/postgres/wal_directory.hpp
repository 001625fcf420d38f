#pragma once
// Facts about pg_wal, from directory listings alone, and the metric families that show them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/file_system.hpp"
#include "pgbosun/metric.hpp"

namespace pgbosun::postgres {

// A regular WAL segment has a name of 24 hexadecimal digits and exactly the segment size, so names are enough.
// Oldest and newest by the file's name, all timelines together.
struct WalDirectoryFacts {
    std::uint64_t segments = 0;
    std::string oldest;  // empty: there is none
    std::string newest;
    bool operator==(const WalDirectoryFacts&) const = default;
};
WalDirectoryFacts count_segments(const std::vector<std::string>& names);

struct ArchiveStatusFacts {
    std::uint64_t ready = 0;
    std::uint64_t done = 0;
    bool operator==(const ArchiveStatusFacts&) const = default;
};
// Names in pg_wal/archive_status.
ArchiveStatusFacts count_archive_status(const std::vector<std::string>& names);

// Segments in pg_wal of the timeline of `current`, and before it, that are marked neither .ready nor .done. PostgreSQL
// marks a segment right after it has filled it; killed in between, it comes back to it only when a checkpoint would
// remove it (XLogArchiveCheckDone), and with wal_keep_size that is long after: a hole in the archive until then.
// `current`: the name of a segment that is not full yet.
std::vector<std::string> unmarked_segments(const std::vector<std::string>& wal, const std::vector<std::string>& marks,
                                           std::string_view current);

// What pg_wal may grow to, in bytes, from the server's settings; none: not known.
struct WalLimits {
    std::optional<std::uint64_t> min_wal_size, max_wal_size, wal_keep_size, max_slot_wal_keep_size;
};

// cnpg_collector_pg_wal{value="count|size|min|max|keep|slots_max|volume_size|volume_max"}: count and size are of the
// files, min, max, keep and slots_max in bytes, the last two in segments. Unknown values have no sample.
MetricFamily pg_wal_family(const WalDirectoryFacts& facts, std::uint32_t segment_size, const WalLimits& limits,
                           const std::optional<VolumeFacts>& volume);
// cnpg_collector_pg_wal_archive_status{value="ready|done"}
MetricFamily archive_status_family(const ArchiveStatusFacts& facts);

enum class Switch { off, on };
MetricFamily fencing_on_family(Switch fenced);     // cnpg_collector_fencing_on
MetricFamily replica_mode_family(Switch replica);  // cnpg_collector_replica_mode

}  // namespace pgbosun::postgres
