#pragma once
// Decision: what can be recovered from the backups and the WAL that an archive has, and where the holes are.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backup/catalog.hpp"
#include "backup/wal_inventory.hpp"
#include "wal/history.hpp"

namespace pgbosun::backup {

using Histories = std::map<Timeline, wal::TimelineHistory>;

// What is known of an archive.
struct ArchiveFacts {
    std::vector<Backup> backups;  // oldest first
    WalInventory wal;
    Histories histories;                                 // those that could be read
    std::map<wal::SegmentName, std::uint32_t> streamed;  // so many bytes of segments that are not whole yet
    std::map<Timeline, std::string> damaged_histories;   // and why the others could not
    std::optional<WallTime> newest_wal_at;               // when the store got the last of it; none: it does not say
};

// The way of recovery to a timeline: which timeline each segment is taken from. As PostgreSQL, a segment in
// which a timeline forks is taken from the child.
class WalPath {
public:
    // None: the history of `timeline` is not known.
    static std::optional<WalPath> to(Timeline timeline, const Histories& histories, wal::SegmentSize size);

    // Of a timeline whose parents do not matter, or are not known.
    static WalPath alone(Timeline timeline, wal::SegmentSize size);

    [[nodiscard]] Timeline timeline() const { return pieces_.back().timeline; }
    [[nodiscard]] wal::SegmentSize segment_size() const { return size_; }
    [[nodiscard]] wal::WalSegment segment(std::uint64_t number) const;
    // Whether recovery that starts from this backup may take this way: the backup ended before its timeline
    // was left.
    [[nodiscard]] bool passes(const BackupInfo& info) const;

    struct Piece {
        Timeline timeline{};
        std::uint64_t first = 0;  // number of its first segment
        std::optional<Lsn> left;  // where it forks; none: the last piece
    };
    [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }  // oldest first

private:
    WalPath(wal::SegmentSize size, std::vector<Piece> pieces) : size_(size), pieces_(std::move(pieces)) {}

    wal::SegmentSize size_;
    std::vector<Piece> pieces_;
};

// Of the newest backup that is done; where there is none, the usual one.
wal::SegmentSize segment_size_of(const std::vector<Backup>& backups);

// Segments that are not there, one after the other.
struct Hole {
    wal::WalSegment first;
    std::uint64_t count = 0;
    bool operator==(const Hole&) const = default;
};

// How far recovery from a backup gets.
struct Reach {
    bool consistent = false;              // all WAL that the backup itself needs is there
    std::optional<wal::WalSegment> last;  // the last segment before the first hole; none: not even the first
    std::optional<Hole> hole;             // none: it reaches the newest segment of the way
};

// Every moment since the end of this backup, the oldest that gets so far, can be recovered up to a segment's end.
struct Range {
    BackupId from;
    wal::WalSegment to;
    std::optional<Hole> hole;  // behind it; none: that is the newest segment
};

struct Coverage {
    wal::SegmentSize segment_size;
    std::optional<WalPath> path;  // to the newest timeline whose history is known; none: there is no WAL and no backup
    std::optional<wal::WalSegment> newest;  // the last segment of the way
    // Every moment since the end of this backup can be recovered, up to `newest`. None: no backup reaches it.
    std::optional<BackupId> from;
    std::vector<Range> ranges;                // oldest first; the last one is what the newest backup reaches
    std::vector<Hole> holes;                  // on the way, since the oldest backup that is done
    std::vector<Timeline> missing_histories;  // of timelines that have WAL or a backup
    std::vector<BackupId> without_wal;        // done, but WAL that makes them consistent is missing
    std::vector<BackupId> orphaned;           // done, but what they build on is not there
    // Recovery to now is possible: `from` is there, and no newer timeline is cut off by a missing history.
    [[nodiscard]] bool whole() const { return from && missing_histories.empty(); }
};

Coverage judge_coverage(const ArchiveFacts& facts);

// How far recovery along the way gets that has all segments up to this one: to its end, or into pieces of the next.
Lsn end_of(const ArchiveFacts& facts, const WalPath& path, wal::WalSegment last);

Reach reach_of(const BackupInfo& info, const WalPath& path, const WalInventory& wal);

}  // namespace pgbosun::backup
