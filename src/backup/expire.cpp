#include <algorithm>
#include <utility>

#include "backup/catalog_commands.hpp"
#include "backup/wal_removal.hpp"
#include "pgbosun/log.hpp"

// Shell: a plan of retention is carried out.

namespace pgbosun::backup {
namespace {

// To remove large backups takes minutes, and others go on meanwhile: what the plan rests on is looked at again before
// each step. What is found out is noted in the plan.
class Expiry {
public:
    Expiry(Catalog& catalog, std::vector<Backup>& backups, std::vector<Verdict>& verdicts, WallTime now)
        : catalog_(catalog), backups_(backups), verdicts_(verdicts), now_(now) {}

    Result<> remove_backups() {
        // The newest first: what builds on another one goes before it.
        for (auto at = backups_.size(); at-- > 0;) {
            if (stays(verdicts_[at].reason)) continue;
            if (auto removed = remove(at); !removed) {
                return std::unexpected(std::move(removed).error().in("removing backup " + backups_[at].id.text()));
            }
        }
        return {};
    }

    // Parts of uploads that nobody finishes any more: those of backups that went, and all when no backup is under way. What
    // is claimed after the look asks the server for a checkpoint before its first upload.
    Result<std::uint64_t> abort_uploads() {
        if (auto added = add_newcomers(); !added) return std::unexpected(std::move(added).error());
        const auto under_way = [](const Verdict& it) { return it.reason == Reason::under_way; };
        std::vector<std::string> prefixes;
        if (std::ranges::none_of(verdicts_, under_way)) {
            prefixes = {base_prefix(catalog_.server(), Kind::full), base_prefix(catalog_.server(), Kind::incremental)};
        } else {
            for (std::size_t at = 0; at < backups_.size(); ++at) {
                if (stays(verdicts_[at].reason)) continue;
                prefixes.push_back(backup_prefix(catalog_.server(), backups_[at].id, backups_[at].kind));
            }
        }
        std::uint64_t aborted = 0;
        for (const auto& prefix : prefixes) {
            const auto some = catalog_.store().abort_unfinished(prefix);
            if (!some) return std::unexpected(Fault(some.error()).in("aborting uploads"));
            aborted += *some;
        }
        return aborted;
    }

private:
    Result<> remove(std::size_t at) {
        if (auto added = add_newcomers(); !added) return added;
        auto now = catalog_.again(backups_[at]);
        if (!now && now.error().kind == FaultKind::not_found) return {};
        if (!now) return std::unexpected(std::move(now).error());
        if (const auto why = why_it_stays(at, *now)) return keep(at, *std::move(now), *why);
        auto removed = catalog_.remove(*now);
        if (removed || removed.error().kind != FaultKind::conflict) return removed;
        now = catalog_.again(backups_[at]);
        if (!now) return std::unexpected(std::move(now).error());
        const auto why = now->keep == Keep::none ? Reason::changed : Reason::kept;
        return keep(at, *std::move(now), why);
    }

    Result<> keep(std::size_t at, Backup now, Reason why) {
        backups_[at] = std::move(now);
        verdicts_[at].reason = why;
        return {};
    }

    // None: it goes, as was planned.
    [[nodiscard]] std::optional<Reason> why_it_stays(std::size_t at, const Backup& now) const {
        const auto& planned = backups_[at];
        if (now.keep != Keep::none) return Reason::kept;
        if (now.done() && !planned.done()) return Reason::changed;
        const bool endless = !now.info && now.info.error().kind == FaultKind::not_found;
        if (endless && !planned.over && (now.claim != planned.claim || is_young(now, now_))) return Reason::under_way;
        if (!planned.done()) return std::nullopt;
        for (std::size_t other = 0; other < backups_.size(); ++other) {
            const auto& child = backups_[other];
            const bool counts =
                child.done() ? stays(verdicts_[other].reason) : verdicts_[other].reason == Reason::under_way;
            if (counts && child.kind == Kind::incremental && child.parent() == planned.id) return Reason::needed;
        }
        return std::nullopt;
    }

    // Every identifier is later than those that were there.
    Result<> add_newcomers() {
        auto newcomers = backups_.empty() ? catalog_.list() : catalog_.begun_after(backups_.back().id);
        if (!newcomers) return std::unexpected(std::move(newcomers).error());
        for (auto& it : *newcomers) {
            const bool endless = !it.info && it.info.error().kind == FaultKind::not_found;
            verdicts_.push_back({it.id, it.kind, endless ? Reason::under_way : Reason::changed});
            backups_.push_back(std::move(it));
        }
        return {};
    }

    Catalog& catalog_;
    std::vector<Backup>& backups_;
    std::vector<Verdict>& verdicts_;  // of each
    const WallTime now_;
};

// A store or an account that cannot list uploads is no reason to keep what has expired.
Result<> abort_uploads(Expiry& expiry, Expired& expired) {
    const auto aborted = expiry.abort_uploads();
    if (aborted) expired.uploads = *aborted;
    if (aborted) return {};
    if (aborted.error().kind != FaultKind::refused) return std::unexpected(aborted.error());
    expired.uploads_stay_because = aborted.error().text();
    log::warning("Unfinished uploads could not be aborted", {{"error", expired.uploads_stay_because}});
    return {};
}

}  // namespace

Result<Expired> expire(Catalog& catalog, const std::optional<RetentionPolicy>& policy, WallTime now, DryRun dry_run,
                       const OwnBackups& own) {
    auto backups = catalog.list();
    if (!backups) return std::unexpected(backups.error());
    for (auto& backup : *backups) backup.over = is_over(catalog, backup, own);
    const auto histories = read_histories(catalog);
    if (!histories) return std::unexpected(histories.error());
    Expired expired{.backups = {}, .plan = plan_expiry(*backups, policy, now, *histories), .dry_run = dry_run};
    Expiry expiry(catalog, *backups, expired.plan.backups, now);
    if (dry_run == DryRun::no) {
        if (auto removed = expiry.remove_backups(); !removed) return std::unexpected(std::move(removed).error());
        // For what stays nevertheless.
        if (expired.plan.wal) {
            auto again = plan_wal(*backups, expired.plan.backups);
            expired.plan.wal = std::move(again.wal);
            expired.plan.wal_stays_because = std::move(again.stays_because);
        }
    }
    const auto wal = remove_wal(catalog, expired.plan.wal, dry_run);
    if (!wal) return std::unexpected(wal.error());
    expired.wal_files = *wal;
    if (dry_run == DryRun::no) {
        if (auto aborted = abort_uploads(expiry, expired); !aborted) return std::unexpected(std::move(aborted).error());
    }
    for (const auto& backup : *backups) expired.backups.push_back(entry_of(backup));
    return expired;
}

}  // namespace pgbosun::backup
