#pragma once
// Decision: which bytes of WAL tell whether two histories that read the same are one.
//
// Two standbys of one primary that were promoted apart at one place have equal history files. What tells them apart is
// the first record of the new timeline, which holds the time of its promotion; and where one timeline had two writers, the
// last page that both should have.

#include <vector>

#include "instance/rejoin.hpp"
#include "wal/segment.hpp"

namespace pgbosun::instance {

// Within one segment, which has one of these names: that of the timeline on which the bytes were written, or one of the
// next timelines of that history, whose first segment begins with a copy.
struct WalPiece {
    Lsn begin, end;
    std::vector<wal::SegmentName> ours, theirs;
};

// In no order; empty: there is nothing that both could have.
std::vector<WalPiece> pieces_to_compare(const LocalData& local, const wal::TimelineHistory& upstream,
                                        wal::SegmentSize size);

}  // namespace pgbosun::instance
