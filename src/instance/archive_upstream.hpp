#pragma once
// Decision: what an archive tells of the cluster that archives there, as of an upstream. Pure.
//
// It stands for that cluster's primary: its newest timeline is that primary's, as far as anybody knows here, and its WAL ends
// with the newest segment.

#include <optional>

#include "instance/rejoin.hpp"
#include "pgbosun/catalog_summary.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::instance {

struct ArchiveUpstream {
    Upstream upstream;
    // Where the newest backup begins from which the end of the archive is reached without a hole; none: no copy can be made.
    std::optional<Lsn> restorable_from;
};

// `otherwise`: the system where the archive's backups do not say it. unavailable: it has no WAL yet. corrupt: it cannot be
// understood.
Result<ArchiveUpstream> upstream_of(const CatalogSummary& archive, SystemId otherwise, int server_major);

// Whether a standby that has replayed up to `replayed`, and waits for the next segment, never gets it: the archive has gone on
// without that, and a new copy would get further.
bool has_lost(const ArchiveUpstream& archive, Lsn replayed, std::uint32_t segment_bytes);

}  // namespace pgbosun::instance
