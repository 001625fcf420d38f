#include "backup/needed_wal.hpp"

#include <algorithm>

namespace pgbosun::backup {

Result<std::vector<WalRange>> needed_wal(Timeline begin_timeline, Lsn begin, const wal::TimelineHistory& history,
                                         Lsn end) {
    if (end < begin) return fail(FaultKind::corrupt, "the backup ends before it begins");
    if (history.timeline == begin_timeline) return std::vector{WalRange{begin_timeline, begin, end}};
    std::vector<WalRange> ranges;
    Lsn from = begin;
    for (const auto& ancestor : history.ancestors) {
        if (ranges.empty() && ancestor.timeline != begin_timeline) continue;
        const Lsn until = std::min(ancestor.fork, end);
        if (until < from) break;
        ranges.push_back({ancestor.timeline, from, until});
        from = until;
    }
    if (ranges.empty()) {
        return fail(FaultKind::corrupt, "the backup ends on timeline " + std::to_string(number(history.timeline)) +
                                            ", which does not come from timeline " +
                                            std::to_string(number(begin_timeline)) + " where it began");
    }
    if (from < end) ranges.push_back({history.timeline, from, end});
    return ranges;
}

wal::SegmentName last_segment(Timeline timeline, Lsn position, wal::SegmentSize size) {
    return name_of(segment_at(timeline, Lsn{position.value > 0 ? position.value - 1 : 0}, size), size);
}

std::vector<wal::SegmentName> segments_of(const std::vector<WalRange>& ranges, wal::SegmentSize size) {
    std::vector<wal::SegmentName> segments;
    for (std::size_t at = 0; at < ranges.size(); ++at) {
        const auto& range = ranges[at];
        const Lsn last_byte{std::max(range.start.value, range.end.value > 0 ? range.end.value - 1 : 0)};
        auto segment = segment_at(range.timeline, range.start, size);
        auto last = segment_at(range.timeline, last_byte, size).number;
        if (at + 1 < ranges.size()) {
            const auto following = segment_at(range.timeline, ranges[at + 1].start, size).number;
            if (following == segment.number) continue;
            last = std::min(last, following - 1);
        }
        for (; segment.number <= last; ++segment.number) segments.push_back(name_of(segment, size));
    }
    return segments;
}

}  // namespace pgbosun::backup
