#include <algorithm>
#include <utility>

#include "backup/retention.hpp"

namespace pgbosun::backup {
namespace {

// A place in the log, whatever the timeline.
auto place_of(const wal::SegmentName& name) { return std::pair(name.log, name.segment); }

// What a begin needs, an earlier one on the same timeline or an ancestor needs as well: a handful stays of thousands.
void keep_earliest(std::vector<wal::SegmentName>& begins) {
    std::ranges::sort(begins);
    std::vector<wal::SegmentName> earliest;
    for (const auto& begin : begins) {
        if (earliest.empty() || place_of(begin) < place_of(earliest.back())) earliest.push_back(begin);
    }
    begins = std::move(earliest);
}

// What the given backups need. `under_way`: where the newest one before a backup that is under way began.
WalVerdict needs_of(const std::vector<const Backup*>& backups, const std::optional<wal::SegmentName>& under_way) {
    WalExpiry expiry;
    if (under_way) {
        expiry.only = under_way->timeline;
        expiry.begins.push_back(*under_way);
    }
    const Backup* first = nullptr;
    for (const auto* backup : backups) {
        const auto& begin = backup->info->begin->segment;
        const auto& end = backup->info->end->segment;
        expiry.newest = std::max({expiry.newest, begin.timeline, end.timeline});
        if (backup->keep == Keep::standalone) {
            expiry.protected_.push_back({begin, end});
            continue;
        }
        expiry.begins.push_back(begin);
        if (first == nullptr || backup->id < first->id) first = backup;
    }
    if (first == nullptr) return {std::nullopt, "no backup that stays needs WAL up to now"};
    expiry.before = first->info->begin->segment;
    for (const auto& begin : expiry.begins) {
        if (begin.timeline > expiry.before.timeline) continue;
        expiry.before = std::min(expiry.before, {expiry.before.timeline, begin.log, begin.segment});
    }
    keep_earliest(expiry.begins);
    return {expiry, ""};
}

}  // namespace

// Of a backup under way nothing is known but when it began: what was done before it began earlier in the WAL,
// too.
WalVerdict plan_wal(const std::vector<Backup>& backups, const std::vector<Verdict>& verdicts) {
    std::vector<const Backup*> needing;
    const Backup* last_done = nullptr;
    std::optional<wal::SegmentName> under_way;
    for (std::size_t at = 0; at < backups.size(); ++at) {
        const auto& backup = backups[at];
        if (verdicts[at].reason == Reason::damaged) {
            return {std::nullopt,
                    "nobody knows what backup " + backup.id.text() + " needs, whose backup.info cannot be read"};
        }
        if (stays(verdicts[at].reason) && backup.done()) needing.push_back(&backup);
        if (verdicts[at].reason == Reason::under_way) {
            if (last_done == nullptr) return {std::nullopt, "backup " + backup.id.text() + " may be under way"};
            const auto& begin = last_done->info->begin->segment;
            if (under_way && under_way->timeline != begin.timeline) {
                return {std::nullopt, "backups may be under way on two timelines"};
            }
            if (!under_way || begin < *under_way) under_way = begin;
            needing.push_back(last_done);
        }
        if (backup.done()) last_done = &backup;
    }
    return needs_of(needing, under_way);
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
    if (segment.timeline > newest || (only && segment.timeline != *only)) return false;
    const auto needs = [&](const wal::SegmentName& begin) {
        return segment.timeline >= begin.timeline && place_of(segment) >= place_of(begin);
    };
    const auto keeps = [&](const Range& it) {
        return it.first.timeline <= segment.timeline && segment.timeline <= it.last.timeline &&
               place_of(it.first) <= place_of(segment) && place_of(segment) <= place_of(it.last);
    };
    return std::ranges::none_of(begins, needs) && std::ranges::none_of(protected_, keeps);
}

}  // namespace pgbosun::backup
