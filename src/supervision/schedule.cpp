#include "supervision/schedule.hpp"

#include <algorithm>

namespace pgbosun::supervision {
namespace {

Moment skip(std::string reason, bool of_interest = true) {
    return Moment{Moment::What::skip, {}, std::move(reason), of_interest};
}

}  // namespace

Moment judge_backup_moment(const InstanceStatus& status, const BackupSettings& settings, Duration late) {
    if (late > latest_start) return skip("it was noticed too late");
    if (status.phase != Phase::running) return skip("the phase is " + std::string(to_string(status.phase)));
    if (status.backup.running) return skip("backup " + status.backup.running->id + " still runs");
    if (status.role == Role::standby) {
        if (settings.target == BackupTarget::primary) return skip("it is for the primary", false);
        if (!status.lsn.streaming) return skip("this standby does not stream");
        return Moment{};
    }
    if (settings.target == BackupTarget::primary) return Moment{};
    const auto streams = [](const StandbyStatus& standby) { return standby.state == "streaming"; };
    const auto standby = std::ranges::find_if(status.standbys, streams);
    if (standby == status.standbys.end()) return Moment{};
    return Moment{Moment::What::act_later, standbys_first, "standby " + standby->name + " may take it", true};
}

bool wants_incremental(const BackupSettings& settings, const CatalogSummary* catalog, WallTime now) {
    if (!settings.incremental || catalog == nullptr) return false;
    const auto full = [](const CatalogEntry& entry) { return entry.kind == "full" && entry.status == "done"; };
    for (auto entry = catalog->backups.rbegin(); entry != catalog->backups.rend(); ++entry) {
        if (!full(*entry) || !entry->end_at) continue;
        return now - *entry->end_at < settings.full_every;
    }
    return false;
}

}  // namespace pgbosun::supervision
