#include "backup/catalog_commands.hpp"

#include <algorithm>
#include <utility>

#include "backup/backup_record.hpp"
#include "backup/wal_removal.hpp"

namespace pgbosun::backup {
namespace {

std::unexpected<Fault> refuse(const Backup& backup, std::string_view why, std::string_view hint) {
    return fail(FaultKind::refused, "backup " + backup.id.text() + " " + std::string(why), std::string(hint));
}

bool is_under_way(const Backup& backup, WallTime now) {
    const bool failed = backup.info && backup.info->status == BackupStatus::failed;
    const bool damaged = !backup.info && backup.info.error().kind != FaultKind::not_found;
    return !backup.done() && !failed && !damaged && is_young(backup, now);
}

Result<> check_deletion(const Backup& backup, const std::vector<Backup>& all, Force force, WallTime now) {
    if (backup.keep != Keep::none) {
        return refuse(backup, "is marked with keep",
                      "take the mark off: pgbosun backup keep --release " + backup.id.text());
    }
    for (const auto& other : all) {
        const bool counts = other.info || is_under_way(other, now);
        if (counts && other.kind == Kind::incremental && other.parent() == backup.id && !(other.id == backup.id)) {
            return refuse(backup, "is needed by " + other.id.text() + ", which builds on it", "delete that one first");
        }
    }
    if (backup.info && backup.info->snapshots) {
        return refuse(backup, "is a set of volume snapshots", "remove it with what took it");
    }
    if (force == Force::yes) return {};
    const bool last = backup.done() && std::ranges::count_if(all, &Backup::done) == 1;
    // Over HTTP too: that has no parameter for it.
    const std::string by_force = "pgbosun backup delete --force " + backup.id.text();
    if (last) {
        return refuse(backup, "is the only one that is done",
                      "take another one first; or remove it by the command line: " + by_force);
    }
    if (is_under_way(backup, now)) {
        return refuse(backup, "may be under way",
                      "wait; or, when nobody is taking it any more, remove it by the command line: " + by_force);
    }
    return {};
}

Result<> expect_unmarked(Catalog& catalog, const Backup& backup) {
    const auto now = catalog.again(backup);
    if (!now && now.error().kind != FaultKind::not_found) return std::unexpected(now.error());
    if (now && now->done()) return {};
    if (auto taken_back = catalog.set_keep(backup, Keep::none); !taken_back) return taken_back;
    return refuse(backup, "is being removed", "keep another one; see pgbosun backup list");
}

}  // namespace

bool is_over(Catalog& catalog, const Backup& backup, const OwnBackups& own) {
    // Its backup.info may have been written while the objects were listed.
    if (backup.over) {
        const auto again = catalog.again(backup);
        return again && again->over;
    }
    if (!backup.claim || backup.claim->instance != own.instance || !own.idle || !own.idle()) return false;
    const auto again = catalog.again(backup);
    return again && again->claim == backup.claim;
}

Result<std::vector<CatalogEntry>> list_backups(Catalog& catalog) {
    const auto backups = catalog.list();
    if (!backups) return std::unexpected(backups.error());
    std::vector<CatalogEntry> entries;
    entries.reserve(backups->size());
    for (const auto& backup : *backups) entries.push_back(entry_of(backup));
    return entries;
}

Result<ShownBackup> show_backup(Catalog& catalog, const std::string& reference) {
    auto backup = catalog.find(reference);
    if (!backup) return std::unexpected(std::move(backup).error());
    auto objects = catalog.objects(*backup);
    if (!objects) return std::unexpected(std::move(objects).error());
    ShownBackup shown{.entry = entry_of(*backup), .info = std::nullopt, .objects = std::move(*objects)};
    if (backup->info) shown.info = std::move(*backup->info);
    return shown;
}

Result<CatalogEntry> keep_backup(Catalog& catalog, const std::string& reference, Keep keep) {
    auto backup = catalog.find(reference);
    if (!backup) return std::unexpected(std::move(backup).error());
    if (keep != Keep::none && !backup->done()) return refuse(*backup, "is not done", "keep one that is done");
    if (auto set = catalog.set_keep(*backup, keep); !set) return std::unexpected(std::move(set).error());
    // Whoever removes it marks it before looking for ours.
    if (keep != Keep::none) {
        if (auto there = expect_unmarked(catalog, *backup); !there) return std::unexpected(std::move(there).error());
    }
    backup->keep = keep;
    return entry_of(*backup);
}

Result<Deleted> delete_backup(Catalog& catalog, const std::string& reference, Force force, WallTime now) {
    const auto backup = catalog.find(reference);
    if (!backup) return std::unexpected(backup.error());
    auto all = catalog.list();
    if (!all) return std::unexpected(std::move(all).error());
    if (auto allowed = check_deletion(*backup, *all, force, now); !allowed) {
        return std::unexpected(std::move(allowed).error());
    }
    if (auto removed = catalog.remove(*backup); !removed) {
        return std::unexpected(std::move(removed).error().in("removing backup " + backup->id.text()));
    }
    std::erase_if(*all, [&](const Backup& it) { return it.id == backup->id && it.kind == backup->kind; });
    auto plan = plan_wal(*all, plan_expiry(*all, std::nullopt, now).backups);
    const auto wal = remove_wal(catalog, plan.wal, DryRun::no);
    if (!wal) return std::unexpected(wal.error());
    return Deleted{entry_of(*backup), *wal, std::move(plan.stays_because)};
}

Result<CatalogEntry> close_backup(Catalog& catalog, const std::string& reference, const std::string& error,
                                  const OwnBackups& own) {
    auto backup = catalog.find(reference);
    if (!backup) return std::unexpected(std::move(backup).error());
    if (backup->info) return entry_of(*backup);
    if (!is_over(catalog, *backup, own)) {
        return refuse(*backup, "is not one of this instance that was killed", "wait for its end");
    }
    record_failure(catalog.store(), {catalog.server(), backup->kind, backup->id}, {},
                   {FaultKind::unavailable, error, {}});
    backup = catalog.find(reference);
    if (!backup) return std::unexpected(std::move(backup).error());
    return entry_of(*backup);
}

}  // namespace pgbosun::backup
