#pragma once
// Decision: which WAL a backup needs to become consistent.

#include <vector>

#include "backup/manifest.hpp"
#include "wal/history.hpp"
#include "wal/segment.hpp"

namespace pgbosun::backup {

// From where recovery starts to the backup's end. One range, or one for each timeline that a standby followed
// meanwhile. `history`: of the timeline at the end. corrupt: the end is not on a descendant of the beginning.
Result<std::vector<WalRange>> needed_wal(Timeline begin_timeline, Lsn begin, const wal::TimelineHistory& history,
                                         Lsn end);

// In order. The segment in which a timeline was left is asked of the timeline that followed, which has a
// copy.
std::vector<wal::SegmentName> segments_of(const std::vector<WalRange>& ranges, wal::SegmentSize size);

// The segment that holds the byte before `position`: a backup's end is behind its last record.
wal::SegmentName last_segment(Timeline timeline, Lsn position, wal::SegmentSize size);

}  // namespace pgbosun::backup
