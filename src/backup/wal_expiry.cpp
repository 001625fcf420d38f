#include <algorithm>

#include "backup/retention.hpp"

namespace pgbosun::backup {
namespace {

// What the given backups need, when nothing else may go below them.
class WalNeeds {
public:
    explicit WalNeeds(const std::vector<const Backup*>& backups) {
        for (const auto* backup : backups) {
            if (backup->done()) add(*backup);
        }
    }

    [[nodiscard]] WalVerdict verdict() const {
        if (first_ == nullptr) return {std::nullopt, "no backup that stays needs WAL up to now"};
        const auto boundary = first_->info->begin->segment;
        WalExpiry expiry{.before = boundary, .protected_ = {}};
        for (const auto* backup : continuing_) {
            const auto& begin = backup->info->begin->segment;
            // An older timeline's backup may go on along this one, from any place behind its own begin.
            if (begin.timeline > boundary.timeline) continue;
            expiry.before = std::min(expiry.before, {boundary.timeline, begin.log, begin.segment});
        }
        for (const auto* backup : standalone_) {
            const auto& info = *backup->info;
            if (info.begin->segment.timeline != boundary.timeline) continue;
            expiry.protected_.push_back({info.begin->segment, info.end->segment});
        }
        return {expiry, ""};
    }

private:
    void add(const Backup& backup) {
        if (backup.keep == Keep::standalone) {
            standalone_.push_back(&backup);
            return;
        }
        continuing_.push_back(&backup);
        if (first_ == nullptr || backup.id < first_->id) first_ = &backup;
    }

    std::vector<const Backup*> continuing_, standalone_;
    const Backup* first_ = nullptr;
};

}  // namespace

// Of a backup under way nothing is known but when it began: what was done before it began earlier in the WAL,
// too.
WalVerdict plan_wal(const std::vector<Backup>& backups, const std::vector<Verdict>& verdicts) {
    std::vector<const Backup*> needing;
    const Backup* last_done = nullptr;
    for (std::size_t at = 0; at < backups.size(); ++at) {
        const auto& backup = backups[at];
        if (verdicts[at].reason == Reason::damaged) {
            return {std::nullopt, "nobody knows what backup " + backup.id.text() +
                                      " needs, whose backup.info cannot be read"};
        }
        if (stays(verdicts[at].reason) && backup.done()) needing.push_back(&backup);
        if (verdicts[at].reason == Reason::under_way) {
            if (last_done == nullptr)
                return {std::nullopt, "backup " + backup.id.text() + " may be under way"};
            needing.push_back(last_done);
        }
        if (backup.done()) last_done = &backup;
    }
    return WalNeeds(needing).verdict();
}

bool WalExpiry::may_go(const wal::ArchiveName& name) const {
    if (std::holds_alternative<wal::HistoryFile>(name)) return false;
    const auto segment = std::visit(
        [](const auto& it) -> wal::SegmentName {
            if constexpr (requires { it.name; }) {
                return it.name;
            } else {
                return {};
            }
        },
        name);
    if (segment.timeline != before.timeline || segment >= before) return false;
    return std::ranges::none_of(protected_,
                                [&](const Range& it) { return it.first <= segment && segment <= it.last; });
}

}  // namespace pgbosun::backup
