#include "archive/prefetch_window.hpp"

#include <algorithm>

namespace pgbosun::archive {

void PrefetchWindow::served(wal::WalSegment segment) {
    const bool in_sequence = last_ && segment.timeline == last_->timeline && segment.number == last_->number + 1;
    width_ = in_sequence ? std::min(width_ * 2, widest_window) : 1;
    last_ = segment;
}

void KnownForks::learn(const wal::TimelineHistory& history) {
    for (const auto& ancestor : history.ancestors) {
        const auto [known, added] = forks_.emplace(ancestor.timeline, ancestor.fork);
        if (!added) known->second = std::min(known->second, ancestor.fork);
    }
}

std::optional<Lsn> KnownForks::of(Timeline timeline) const {
    const auto found = forks_.find(timeline);
    if (found == forks_.end()) return std::nullopt;
    return found->second;
}

std::vector<wal::WalSegment> following(wal::WalSegment served, std::size_t width, wal::SegmentSize size,
                                       std::optional<Lsn> fork) {
    const std::size_t room = std::max<std::size_t>(1, most_prefetched_bytes / size.bytes());
    std::vector<wal::WalSegment> segments;
    auto segment = next(served, size);
    while (segment && segments.size() < std::min(width, room)) {
        if (fork && start_of(*segment, size) >= *fork) break;
        segments.push_back(*segment);
        segment = next(*segment, size);
    }
    return segments;
}

}  // namespace pgbosun::archive
