#include "archive/stream_cursor.hpp"

#include <algorithm>

namespace pgbosun::archive {

// Goes to `position`; a segment that it enters has no pieces yet.
void StreamCursor::move_to(Lsn position) {
    if (!position_ || position.value / size_.bytes() != position_->value / size_.bytes()) {
        covered_from_ = position;
        pieces_ = 0;
    }
    position_ = position;
}

std::optional<Shipment> StreamCursor::next(Lsn flushed) {
    const std::uint64_t newest = flushed.value / size_.bytes();
    const std::uint64_t oldest = newest > most_segments_behind ? newest - most_segments_behind : 0;
    archived_.erase(archived_.begin(), archived_.lower_bound(oldest));
    Lsn position = std::max(position_.value_or(start_of_segment(newest)), start_of_segment(oldest));
    while (archived_.contains(position.value / size_.bytes())) {
        position = start_of_segment(position.value / size_.bytes() + 1);
    }
    move_to(position);
    if (flushed <= position) return std::nullopt;
    const std::uint64_t number = position.value / size_.bytes();
    const std::uint64_t last = std::min(flushed.value, start_of_segment(number + 1).value);
    const bool covers = pieces_ >= most_pieces && last - covered_from_.value <= largest_shipment;
    if (pieces_ >= most_pieces && !covers) {
        covered_from_ = position;
        pieces_ = 0;
    }
    const Lsn begin = covers ? covered_from_ : position;
    const std::uint64_t end = std::min(last, begin.value + largest_shipment);
    const std::uint64_t start = start_of_segment(number).value;
    return Shipment{{timeline_, number},
                    static_cast<std::uint32_t>(begin.value - start),
                    static_cast<std::uint32_t>(end - start),
                    covers};
}

void StreamCursor::shipped(const Shipment& shipment) {
    pieces_ = shipment.replaces ? 1 : pieces_ + 1;
    move_to({start_of_segment(shipment.segment.number).value + shipment.end});
}

void StreamCursor::archived(wal::WalSegment segment) {
    if (segment.timeline == timeline_) archived_.insert(segment.number);
}

}  // namespace pgbosun::archive
