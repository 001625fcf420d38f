#include "backup/retention.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace pgbosun::backup {
namespace {

// None: nobody knows it.
std::optional<WalPath> way_to_newest(const std::vector<Backup>& backups, const Histories& histories) {
    std::optional<Timeline> newest;
    if (!histories.empty()) newest = histories.rbegin()->first;
    for (const auto& backup : backups) {
        if (backup.done()) newest = std::max(newest, std::optional(backup.info->timeline));
    }
    return newest ? WalPath::to(*newest, histories, segment_size_of(backups)) : std::nullopt;
}

class Planner {
public:
    Planner(const std::vector<Backup>& backups, const std::optional<RetentionPolicy>& policy, WallTime now,
            const Histories& histories)
        : backups_(backups), now_(now), newest_(way_to_newest(backups, histories)),
          reasons_(backups.size(), Reason::obsolete) {
        for (std::size_t at = 0; at < backups.size(); ++at) {
            if (backups[at].done()) by_id_.emplace(backups[at].id, at);
        }
        for (std::size_t at = 0; at < backups.size(); ++at) {
            if (!backups[at].done()) reasons_[at] = judge_unfinished(at);
        }
        if (policy) {
            std::visit([this](const auto& it) { apply(it); }, *policy);
        } else {
            each_done([this](std::size_t at) { want(at, Reason::no_policy); });
        }
        each_done([this](std::size_t at) { settle_special(at); });
        protect_parents_of_what_is_under_way();
    }

    [[nodiscard]] std::vector<Verdict> verdicts() const {
        std::vector<Verdict> verdicts;
        for (std::size_t at = 0; at < backups_.size(); ++at) {
            verdicts.push_back({backups_[at].id, backups_[at].kind, reasons_[at]});
        }
        return verdicts;
    }

private:
    template <class Use>
    void each_done(const Use& use) {
        for (std::size_t at = 0; at < backups_.size(); ++at) {
            if (backups_[at].done()) use(at);
        }
    }

    [[nodiscard]] Reason judge_unfinished(std::size_t at) const {
        const auto& backup = backups_[at];
        if (backup.keep != Keep::none) return Reason::kept;
        if (!backup.info && backup.info.error().kind != FaultKind::not_found) return Reason::damaged;
        const bool newest = at + 1 == backups_.size();
        const bool young = is_young(backup, now_);
        if (backup.info && backup.info->status == BackupStatus::failed) {
            const bool shown = newest && young && backup.info->error != being_deleted;
            return shown ? Reason::last_failure : Reason::failed;
        }
        if (backup.over) return Reason::unfinished;
        return newest || young ? Reason::under_way : Reason::unfinished;
    }

    // The chain of a backup from itself to its full one. None: a part of it is not there.
    [[nodiscard]] std::optional<std::vector<std::size_t>> chain_of(std::size_t at) const {
        std::vector<std::size_t> chain{at};
        while (backups_[chain.back()].kind == Kind::incremental) {
            const auto parent = backups_[chain.back()].parent();
            const auto found = parent ? by_id_.find(*parent) : by_id_.end();
            // Only what is older can be built on: no chain is a ring.
            if (found == by_id_.end() || !(backups_[found->second].id < backups_[chain.back()].id)) return std::nullopt;
            chain.push_back(found->second);
        }
        return chain;
    }

    // One in its chain is there and cannot be read.
    [[nodiscard]] bool builds_on_a_damaged_one(std::size_t at) const {
        for (;;) {
            const auto parent = backups_[at].kind == Kind::incremental ? backups_[at].parent() : std::nullopt;
            if (!parent) return false;
            if (const auto found = by_id_.find(*parent); found != by_id_.end() && found->second < at) {
                at = found->second;
                continue;
            }
            const auto there = std::ranges::find(backups_, *parent, &Backup::id);
            return there != backups_.end() && !there->info && there->info.error().kind != FaultKind::not_found;
        }
    }

    void want(std::size_t at, Reason reason) {
        const auto chain = chain_of(at);
        if (!chain) {
            reasons_[at] = builds_on_a_damaged_one(at) ? Reason::damaged : Reason::orphaned;
            return;
        }
        if (!stays(reasons_[at]) || (reasons_[at] == Reason::needed && reason != Reason::needed)) reasons_[at] = reason;
        for (std::size_t place = 1; place < chain->size(); ++place) {
            auto& parent = reasons_[(*chain)[place]];
            if (!stays(parent)) parent = Reason::needed;
        }
    }

    // A primary that was cut off goes on for a while, and ends a backup behind the place where its successor forked.
    [[nodiscard]] bool leads_to_newest(std::size_t at) const { return !newest_ || newest_->passes(*backups_[at].info); }

    void apply(const Redundancy& policy) {
        std::set<std::size_t> full;
        int counted = 0, leading = 0;
        for (std::size_t at = backups_.size(); at-- > 0;) {
            const bool counts = backups_[at].done() && backups_[at].kind == Kind::full && !backups_[at].info->snapshots;
            if (!counts) continue;
            const bool among_newest = counted++ < policy.backups;
            const bool needed_to_lead = leads_to_newest(at) && leading++ < policy.backups;
            if (!among_newest && !needed_to_lead) continue;
            full.insert(at);
            want(at, among_newest ? Reason::wanted : Reason::way_to_newest);
        }
        each_done([&](std::size_t at) {
            if (backups_[at].kind == Kind::full) return;
            const auto chain = chain_of(at);
            if (!chain || full.contains(chain->back())) want(at, Reason::wanted);
        });
    }

    void apply(const RecoveryWindow& policy) {
        const auto begin = now_ - policy.days;
        bool has_base = false;
        for (std::size_t at = backups_.size(); at-- > 0;) {
            if (!backups_[at].done()) continue;
            const bool within = backups_[at].info->end->time > begin;
            const bool leads = leads_to_newest(at);
            if (has_base && !leads) continue;
            want(at, within ? Reason::wanted : has_base ? Reason::way_to_newest : Reason::before_window);
            // The one that a recovery to the window's begin starts from must be good for that.
            const bool good =
                stays(reasons_[at]) && backups_[at].keep != Keep::standalone && !backups_[at].info->snapshots;
            if (within || !good) continue;
            has_base = true;
            if (leads) break;
        }
    }

    void settle_special(std::size_t at) {
        if (backups_[at].keep != Keep::none) {
            want(at, Reason::kept);
            reasons_[at] = Reason::kept;
        } else if (backups_[at].info->snapshots && !stays(reasons_[at])) {
            reasons_[at] = Reason::elsewhere;
        } else if (backups_[at].kind == Kind::incremental && !chain_of(at)) {
            reasons_[at] = builds_on_a_damaged_one(at) ? Reason::damaged : Reason::orphaned;
        }
    }

    // Its claim says what it builds on. Without one (it has just been listed, or is damaged): the newest that was done.
    void protect_parents_of_what_is_under_way() {
        std::optional<std::size_t> last_done;
        for (std::size_t at = 0; at < backups_.size(); ++at) {
            const bool building = backups_[at].kind == Kind::incremental && reasons_[at] == Reason::under_way;
            const auto parent = building ? backups_[at].parent() : std::nullopt;
            if (const auto found = parent ? by_id_.find(*parent) : by_id_.end(); found != by_id_.end()) {
                want(found->second, Reason::needed);
            } else if (building && !parent && last_done) {
                want(*last_done, Reason::needed);
            }
            if (backups_[at].done()) last_done = at;
        }
    }

    const std::vector<Backup>& backups_;
    WallTime now_;
    std::optional<WalPath> newest_;  // none: which backups lead there is not known
    std::vector<Reason> reasons_;
    std::map<BackupId, std::size_t> by_id_;  // the done ones
};

}  // namespace

bool is_young(const Backup& backup, WallTime now) {
    return std::max(backup.id.time(), backup.changed_at.value_or(WallTime{})) > now - unfinished_lifetime;
}

ExpiryPlan plan_expiry(const std::vector<Backup>& backups, const std::optional<RetentionPolicy>& policy, WallTime now,
                       const Histories& histories) {
    ExpiryPlan plan{.backups = Planner(backups, policy, now, histories).verdicts()};
    if (!policy) {
        plan.wal_stays_because = "there is no retention policy";
        return plan;
    }
    auto wal = plan_wal(backups, plan.backups);
    plan.wal = std::move(wal.wal);
    plan.wal_stays_because = std::move(wal.stays_because);
    return plan;
}

}  // namespace pgbosun::backup
