#pragma once
// Decision: a scheduled moment has come; is it this instance that acts?
//
// Of the instances of a cluster one takes the backup: who claims the moment in the archive first. A primary
// whose standbys should take it lets them claim first, and takes it itself when none of them has: what
// streams from a primary need not be one of us.

#include <string>

#include "pgbosun/catalog_summary.hpp"
#include "pgbosun/instance_status.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

struct Moment {
    enum class What { act, act_later, skip };
    What what{};
    Duration later{};         // act_later: claim it so much after the moment
    std::string reason;       // skip, act_later
    bool of_interest = true;  // skip: worth a line in the journal
};

// How long a primary lets its standbys claim a moment.
inline constexpr Duration standbys_first = std::chrono::seconds(60);
// A moment that was noticed so much too late (a machine that slept, a clock set forward) is not acted on.
inline constexpr Duration latest_start = std::chrono::minutes(10);

Moment judge_backup_moment(const InstanceStatus& status, const BackupSettings& settings, Duration late);

// Whether the backup of this moment is an incremental one: wanted, and the newest full one is young enough.
bool wants_incremental(const BackupSettings& settings, const CatalogSummary* catalog, WallTime now);

}  // namespace pgbosun::supervision
