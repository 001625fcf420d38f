#include "backup/parent_choice.hpp"

#include <algorithm>

#include "backup/backup_chain.hpp"

namespace pgbosun::backup {
namespace {

constexpr int first_version = 170000;
constexpr int of_a_major = 10000;  // server_version_num

}  // namespace

Result<Backup> choose_parent(const std::vector<Backup>& backups, const BackupServer& server) {
    if (server.version < first_version) {
        return no_incremental("it needs PostgreSQL 17 or newer", "backup.incremental: false");
    }
    if (!server.summarizing) return no_incremental("summarize_wal is off", "backup.incremental: true sets it; reload");
    const auto newest = std::ranges::find_if(backups.rbegin(), backups.rend(),
                                             [](const Backup& it) { return it.done() && !it.info->snapshots; });
    if (newest == backups.rend()) return no_incremental("there is no backup to build on", "a full one comes first");
    const auto& info = *newest->info;
    if (info.system_id != server.system_id || info.version / of_a_major != server.version / of_a_major) {
        return no_incremental("backup " + newest->id.text() + " is of another cluster or version",
                              "a full one comes first");
    }
    if (auto chain = chain_of(backups, *newest); !chain) return std::unexpected(std::move(chain.error()));
    return *newest;
}

std::unexpected<Fault> no_incremental(const std::string& why, std::string hint) {
    return fail(FaultKind::refused, "an incremental backup is not possible: " + why, std::move(hint));
}

}  // namespace pgbosun::backup
