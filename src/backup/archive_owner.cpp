#include "backup/archive_owner.hpp"

#include <algorithm>

#include "archive/identity.hpp"

namespace pgbosun::backup {
namespace {

std::optional<SystemId> owner_in(const std::vector<Backup>& backups) {
    const auto told = [](const Backup& it) { return it.done() && it.info->system_id; };
    const auto newest = std::ranges::find_if(backups.rbegin(), backups.rend(), told);
    return newest == backups.rend() ? std::nullopt : newest->info->system_id;
}

}  // namespace

Result<std::optional<SystemId>> owner_of(Catalog& catalog, const std::vector<Backup>& backups) {
    const auto identity = archive::read_identity(catalog.store(), catalog.server());
    if (!identity) return std::unexpected(identity.error());
    if (*identity) return (*identity)->system_id;
    return owner_in(backups);
}

Result<> expect_owner(Catalog& catalog, SystemId ours) {
    const auto identity = archive::read_identity(catalog.store(), catalog.server());
    if (!identity) return std::unexpected(identity.error());
    std::optional<SystemId> owner;
    if (*identity) {
        owner = (*identity)->system_id;
    } else {
        const auto backups = catalog.list();
        if (!backups) return std::unexpected(backups.error());
        owner = owner_in(*backups);
    }
    if (!owner || *owner == ours) return {};
    const std::string archive = catalog.store().describe() + "/" + catalog.server();
    return std::unexpected(archive::of_another_cluster(archive, *owner, ours));
}

}  // namespace pgbosun::backup
