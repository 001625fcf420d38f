#include <algorithm>

#include "backup/coverage.hpp"

namespace pgbosun::backup {

std::optional<WalPath> WalPath::to(Timeline timeline, const Histories& histories, wal::SegmentSize size) {
    if (timeline == Timeline{1}) return alone(timeline, size);
    const auto history = histories.find(timeline);
    if (history == histories.end()) return std::nullopt;
    std::vector<Piece> pieces;
    std::uint64_t first = 0;
    for (const auto& ancestor : history->second.ancestors) {
        pieces.push_back({.timeline = ancestor.timeline, .first = first, .left = ancestor.fork});
        first = segment_at(timeline, ancestor.fork, size).number;
    }
    pieces.push_back({.timeline = timeline, .first = first});
    return WalPath(size, std::move(pieces));
}

WalPath WalPath::alone(Timeline timeline, wal::SegmentSize size) { return {size, {{.timeline = timeline}}}; }

wal::WalSegment WalPath::segment(std::uint64_t number) const {
    const auto after = std::ranges::upper_bound(pieces_, number, {}, &Piece::first);
    return {std::prev(after)->timeline, number};
}

bool WalPath::passes(const BackupInfo& info) const {
    const auto piece = std::ranges::find(pieces_, info.timeline, &Piece::timeline);
    if (piece == pieces_.end() || !info.begin || !info.end) return false;
    return info.begin->lsn.value / size_.bytes() >= piece->first && (!piece->left || info.end->lsn <= *piece->left);
}

}  // namespace pgbosun::backup
