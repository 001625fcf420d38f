#include "backup/backup_chain.hpp"

#include <algorithm>

namespace pgbosun::backup {

Result<std::vector<Backup>> chain_of(const std::vector<Backup>& backups, const Backup& wanted) {
    std::vector<Backup> chain{wanted};
    while (chain.back().kind == Kind::incremental) {
        const auto& child = chain.back();
        const auto parent = child.parent();
        const auto found =
            std::ranges::find_if(backups, [&](const Backup& it) { return parent && it.id == *parent && it.done(); });
        // Only what is older can be built on: no chain is a ring.
        if (found == backups.end() || !(found->id < child.id)) {
            return fail(FaultKind::refused, "backup " + child.id.text() + " builds on " +
                                                (parent ? parent->text() : "one") + ", which is not there");
        }
        chain.push_back(*found);
    }
    std::ranges::reverse(chain);
    return chain;
}

std::set<BackupId> whole_backups(const std::vector<Backup>& backups) {
    std::set<BackupId> whole;
    for (const auto& backup : backups) {
        if (!backup.done()) continue;
        const auto parent = backup.parent();
        const bool builds = backup.kind == Kind::incremental;
        if (!builds || (parent && *parent < backup.id && whole.contains(*parent))) whole.insert(backup.id);
    }
    return whole;
}

}  // namespace pgbosun::backup
