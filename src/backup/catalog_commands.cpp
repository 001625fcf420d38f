#include "backup/catalog_commands.hpp"

#include <algorithm>
#include <utility>

#include "archive/stream_layout.hpp"
#include "backup/backup_record.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t keys_at_once = 1000;

std::unexpected<Fault> refuse(const Backup& backup, std::string_view why, std::string_view hint) {
    return fail(FaultKind::refused, "backup " + backup.id.text() + " " + std::string(why), std::string(hint));
}

bool is_under_way(const Backup& backup, WallTime now) {
    const bool failed = backup.info && backup.info->status == BackupStatus::failed;
    const bool damaged = !backup.info && backup.info.error().kind != FaultKind::not_found;
    return !backup.done() && !failed && !damaged && backup.id.time() > now - unfinished_lifetime;
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

// Killed: this instance took it, and takes none any more. It may have come to its end since the catalog was read.
bool is_over(Catalog& catalog, const Backup& backup, const OwnBackups& own) {
    // Its backup.info may have been written while the objects were listed.
    if (backup.over) {
        const auto again = catalog.find(backup.id.text());
        return again && again->kind == backup.kind && again->over;
    }
    if (!backup.claim || backup.claim->instance != own.instance || !own.idle || !own.idle()) return false;
    const auto again = catalog.find(backup.id.text());
    return again && again->kind == backup.kind && again->claim == backup.claim;
}

// Pieces of segments that never became whole ones: what a primary that was lost had shipped last.
Result<> add_stream(Catalog& catalog, const WalExpiry& plan, std::vector<std::string>& keys) {
    const auto prefix = archive::stream_prefix(catalog.server());
    std::optional<std::string> after;
    do {
        const auto page = catalog.store().list(prefix, "", after);
        if (!page) return std::unexpected(Fault(page.error()).in("listing the stream"));
        for (const auto& object : page->objects) {
            const auto below = std::string_view(object.key).substr(prefix.size());
            const auto segment = wal::parse_segment_name(below.substr(0, below.find('/')));
            if (segment && plan.may_go(wal::Segment{*segment})) keys.push_back(object.key);
        }
        after = page->next;
    } while (after);
    return {};
}

// Of `plan`; counts them, and removes them unless it is a dry run.
Result<std::uint64_t> remove_wal(Catalog& catalog, const std::optional<WalExpiry>& plan, DryRun dry_run) {
    if (!plan) return 0;
    std::vector<std::string> keys;
    const auto listed = each_wal_object(catalog, [&](std::string_view below, const ObjectFacts&) {
        const auto name = name_below_wals(below);
        if (name && plan->may_go(*name)) keys.push_back(wals_prefix(catalog.server()) + std::string(below));
    });
    if (!listed) return std::unexpected(listed.error());
    if (auto added = add_stream(catalog, *plan, keys); !added) return std::unexpected(std::move(added.error()));
    if (dry_run == DryRun::yes) return keys.size();
    for (std::size_t at = 0; at < keys.size(); at += keys_at_once) {
        const auto from = keys.begin() + static_cast<std::ptrdiff_t>(at);
        const auto to = keys.begin() + static_cast<std::ptrdiff_t>(std::min(keys.size(), at + keys_at_once));
        if (auto removed = catalog.store().remove({from, to}); !removed) {
            return std::unexpected(std::move(removed).error().in("removing WAL"));
        }
    }
    return keys.size();
}

// Parts of uploads that nobody finishes any more: those of backups that went, and all when no backup is under
// way.
Result<std::uint64_t> abort_uploads(Catalog& catalog, const std::vector<Backup>& backups, const ExpiryPlan& plan) {
    const auto under_way = [](const Verdict& it) { return it.reason == Reason::under_way; };
    std::vector<std::string> prefixes;
    if (std::ranges::none_of(plan.backups, under_way)) {
        prefixes = {base_prefix(catalog.server(), Kind::full), base_prefix(catalog.server(), Kind::incremental)};
    } else {
        for (std::size_t at = 0; at < backups.size(); ++at) {
            if (stays(plan.backups[at].reason) || backups[at].done()) continue;
            prefixes.push_back(backup_prefix(catalog.server(), backups[at].id, backups[at].kind));
        }
    }
    std::uint64_t aborted = 0;
    for (const auto& prefix : prefixes) {
        const auto some = catalog.store().abort_unfinished(prefix);
        if (!some) return std::unexpected(Fault(some.error()).in("aborting uploads"));
        aborted += *some;
    }
    return aborted;
}

}  // namespace

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

Result<Expired> expire(Catalog& catalog, const std::optional<RetentionPolicy>& policy, WallTime now, DryRun dry_run,
                       const OwnBackups& own) {
    auto backups = catalog.list();
    if (!backups) return std::unexpected(backups.error());
    for (auto& backup : *backups) backup.over = is_over(catalog, backup, own);
    const auto histories = read_histories(catalog);
    if (!histories) return std::unexpected(histories.error());
    Expired expired{.backups = {}, .plan = plan_expiry(*backups, policy, now, *histories), .dry_run = dry_run};
    for (const auto& backup : *backups) expired.backups.push_back(entry_of(backup));
    if (dry_run == DryRun::no) {
        // The newest first: what builds on another one goes before it.
        for (auto at = backups->size(); at-- > 0;) {
            if (stays(expired.plan.backups[at].reason)) continue;
            if (auto removed = catalog.remove((*backups)[at]); !removed) {
                return std::unexpected(std::move(removed).error().in("removing backup " + (*backups)[at].id.text()));
            }
        }
        const auto uploads = abort_uploads(catalog, *backups, expired.plan);
        if (!uploads) return std::unexpected(uploads.error());
        expired.uploads = *uploads;
    }
    const auto wal = remove_wal(catalog, expired.plan.wal, dry_run);
    if (!wal) return std::unexpected(wal.error());
    expired.wal_files = *wal;
    return expired;
}

}  // namespace pgbosun::backup
