#include "backup/coverage.hpp"

#include <algorithm>
#include <set>

#include "backup/backup_chain.hpp"

namespace pgbosun::backup {
namespace {

constexpr std::size_t most_missing_histories = 100;
constexpr std::uint64_t no_end = UINT64_MAX;

// Calls `take(number)` for each segment of the way that is there, from `first` to `last`, ascending.
template <class Take>
void each_present(const WalPath& path, const WalInventory& wal, std::uint64_t first, std::uint64_t last,
                  const Take& take) {
    const auto& pieces = path.pieces();
    const auto& names = wal.segments();
    for (std::size_t at = 0; at < pieces.size(); ++at) {
        const auto from = std::max(first, pieces[at].first);
        const auto to = at + 1 < pieces.size() ? pieces[at + 1].first : no_end;
        if (from >= to || from > last) continue;
        const auto start = name_of({pieces[at].timeline, from}, path.segment_size());
        for (auto name = std::ranges::lower_bound(names, start);
             name != names.end() && name->timeline == pieces[at].timeline; ++name) {
            const auto segment = segment_of(*name, path.segment_size());
            if (!segment) continue;
            if (segment->number >= to || segment->number > last) break;
            take(segment->number);
        }
    }
}

std::optional<std::uint64_t> newest_of(const WalPath& path, const WalInventory& wal) {
    std::optional<std::uint64_t> newest;
    each_present(path, wal, 0, no_end, [&](std::uint64_t number) { newest = number; });
    return newest;
}

std::vector<Hole> holes_of(const WalPath& path, const WalInventory& wal, std::uint64_t first, std::uint64_t last) {
    std::vector<Hole> holes;
    std::uint64_t expected = first;
    const auto add = [&](std::uint64_t until) {
        // One hole for each timeline that it is in.
        while (expected < until) {
            const auto begin = path.segment(expected);
            std::uint64_t end = until;
            for (const auto& piece : path.pieces()) {
                if (piece.first > expected) end = std::min(end, piece.first);
            }
            holes.push_back({begin, end - expected});
            expected = end;
        }
    };
    each_present(path, wal, first, last, [&](std::uint64_t number) {
        add(number);
        expected = number + 1;
    });
    if (last != no_end) add(last + 1);
    return holes;
}

std::uint64_t first_segment(const BackupInfo& info, wal::SegmentSize size) {
    return info.begin->lsn.value / size.bytes();
}

std::uint64_t last_segment(const BackupInfo& info, wal::SegmentSize size) {
    return (std::max(info.end->lsn.value, info.begin->lsn.value + 1) - 1) / size.bytes();
}

// A segment in which the next timeline forks may be there as the parent's, the child's or both: each will do.
bool is_consistent(const BackupInfo& info, const WalPath& path, const WalInventory& wal) {
    const auto size = path.segment_size();
    for (auto number = first_segment(info, size); number <= last_segment(info, size); ++number) {
        const bool own = wal.has(name_of({info.timeline, number}, size));
        if (!own && !wal.has(name_of(path.segment(number), size))) return false;
    }
    return true;
}

// All timelines that have left a trace, ascending.
std::set<Timeline> timelines_of(const ArchiveFacts& facts) {
    std::set<Timeline> timelines;
    for (const auto& [timeline, key] : facts.wal.histories()) timelines.insert(timeline);
    for (const auto& name : facts.wal.segments()) {
        if (timelines.empty() || *timelines.rbegin() != name.timeline) timelines.insert(name.timeline);
    }
    for (const auto& backup : facts.backups) {
        if (backup.done()) timelines.insert(backup.info->timeline);
    }
    return timelines;
}

// PostgreSQL finds the newest timeline by asking for one history after the other: each number must be there.
std::vector<Timeline> missing_histories(const ArchiveFacts& facts, const std::set<Timeline>& timelines) {
    std::optional<Timeline> oldest;
    for (const auto& backup : facts.backups) {
        if (backup.done() && (!oldest || backup.info->timeline < *oldest)) oldest = backup.info->timeline;
    }
    std::vector<Timeline> missing;
    if (timelines.empty()) return missing;
    std::uint64_t expected = number(oldest.value_or(*timelines.begin())) + std::uint64_t{1};
    // The timeline that all begins with needs none.
    for (const auto timeline : timelines) {
        for (; expected <= number(timeline) && missing.size() < most_missing_histories; ++expected) {
            const Timeline asked{static_cast<std::uint32_t>(expected)};
            if (!facts.histories.contains(asked)) missing.push_back(asked);
        }
    }
    return missing;
}

std::optional<WalPath> newest_path(const ArchiveFacts& facts, const std::set<Timeline>& timelines,
                                   wal::SegmentSize size) {
    for (auto timeline = timelines.rbegin(); timeline != timelines.rend(); ++timeline) {
        if (auto path = WalPath::to(*timeline, facts.histories, size)) return path;
    }
    if (timelines.empty()) return std::nullopt;
    return WalPath::alone(*timelines.rbegin(), size);
}

class Judge {
public:
    Judge(const ArchiveFacts& facts, Coverage& coverage)
        : facts_(facts), coverage_(coverage), path_(*coverage.path), size_(coverage.segment_size),
          whole_(whole_backups(facts.backups)) {}

    void judge() {
        const auto newest = newest_of(path_, facts_.wal);
        if (newest) {
            coverage_.newest = path_.segment(*newest);
            coverage_.holes = holes_of(path_, facts_.wal, begin_of_interest(*newest), *newest);
        }
        for (const auto& backup : facts_.backups) {
            if (backup.done()) judge_backup(backup, newest);
        }
    }

private:
    [[nodiscard]] std::uint64_t begin_of_interest(std::uint64_t newest) const {
        std::optional<std::uint64_t> first;
        for (const auto& backup : facts_.backups) {
            if (!whole_.contains(backup.id) || !path_.passes(*backup.info)) continue;
            first = std::min(first.value_or(no_end), first_segment(*backup.info, size_));
        }
        if (first) return *first;
        std::uint64_t oldest = newest;
        each_present(path_, facts_.wal, 0, newest, [&](std::uint64_t number) { oldest = std::min(oldest, number); });
        return oldest;
    }

    void judge_backup(const Backup& backup, std::optional<std::uint64_t> newest) {
        if (!whole_.contains(backup.id)) {
            coverage_.orphaned.push_back(backup.id);
            return;
        }
        const auto& info = *backup.info;
        const bool passes = path_.passes(info);
        const auto own = WalPath::to(info.timeline, facts_.histories, size_);
        if (!is_consistent(info, passes || !own ? path_ : *own, facts_.wal)) {
            coverage_.without_wal.push_back(backup.id);
            return;
        }
        if (!passes || info.snapshots || coverage_.from || !newest) return;
        const auto behind = [](const Hole& hole) { return hole.first.number; };
        const auto hole = std::ranges::lower_bound(coverage_.holes, first_segment(info, size_), {}, behind);
        if (hole == coverage_.holes.end()) {
            coverage_.from = backup.id;
            coverage_.ranges.push_back({backup.id, path_.segment(*newest), std::nullopt});
            return;
        }
        const auto end = std::max(hole->first.number - 1, last_segment(info, size_));
        const bool further = coverage_.ranges.empty() || coverage_.ranges.back().to.number < end;
        if (further) coverage_.ranges.push_back({backup.id, path_.segment(end), *hole});
    }

    const ArchiveFacts& facts_;
    Coverage& coverage_;
    const WalPath& path_;
    wal::SegmentSize size_;
    const std::set<BackupId> whole_;
};

}  // namespace

Coverage judge_coverage(const ArchiveFacts& facts) {
    Coverage coverage{.segment_size = segment_size_of(facts.backups)};
    const auto timelines = timelines_of(facts);
    coverage.path = newest_path(facts, timelines, coverage.segment_size);
    coverage.missing_histories = missing_histories(facts, timelines);
    if (coverage.path) Judge(facts, coverage).judge();
    return coverage;
}

wal::SegmentSize segment_size_of(const std::vector<Backup>& backups) {
    const auto newest = std::ranges::find_if(backups.rbegin(), backups.rend(), &Backup::done);
    constexpr std::uint32_t usual = 16 << 20;
    return *wal::SegmentSize::from_bytes(newest == backups.rend() ? usual : newest->info->segment_size);
}

Lsn end_of(const ArchiveFacts& facts, const WalPath& path, wal::WalSegment last) {
    const auto size = path.segment_size();
    const auto end = start_of(last, size).value + size.bytes();
    // A segment in which a timeline forks is taken from the child; where that has nothing, from the parent.
    std::uint64_t more = 0;
    for (const auto following : {path.segment(last.number + 1), wal::WalSegment{last.timeline, last.number + 1}}) {
        const auto streamed = facts.streamed.find(name_of(following, size));
        if (streamed != facts.streamed.end()) more = std::max<std::uint64_t>(more, streamed->second);
    }
    return Lsn{end + more};
}

Reach reach_of(const BackupInfo& info, const WalPath& path, const WalInventory& wal) {
    Reach reach{.consistent = is_consistent(info, path, wal)};
    const auto first = first_segment(info, path.segment_size());
    const auto newest = newest_of(path, wal);
    if (!newest || *newest < first) {
        reach.hole = Hole{path.segment(first), 1};
        return reach;
    }
    const auto holes = holes_of(path, wal, first, *newest);
    if (holes.empty()) {
        reach.last = path.segment(*newest);
        return reach;
    }
    reach.hole = holes.front();
    if (reach.hole->first.number > first) reach.last = path.segment(reach.hole->first.number - 1);
    return reach;
}

}  // namespace pgbosun::backup
