#pragma once
// Which bytes of which segment are shipped next (archive.stream). A decision.

#include <cstdint>
#include <optional>
#include <set>

#include "wal/segment.hpp"

namespace pgbosun::archive {

// Bytes [begin, end) of one segment.
struct Shipment {
    wal::WalSegment segment;
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    bool replaces = false;  // pieces that it covers are not needed any more
    bool operator==(const Shipment&) const = default;
};

// So many unarchived segments are followed behind the flushed position; beyond it the archive itself is what lags, and
// shipping more would slow it down further.
inline constexpr std::uint64_t most_segments_behind = 8;
// After so many pieces the next one covers them once more, which replaces them: a quiet server fills a segment for days.
inline constexpr int most_pieces = 64;
inline constexpr std::uint32_t largest_shipment = std::uint32_t{16} << 20;  // bytes: it is held in memory

// How far shipping has come on one timeline, in one generation (archive/stream_layout.hpp).
class StreamCursor {
public:
    StreamCursor(Timeline timeline, wal::SegmentSize size) : timeline_(timeline), size_(size) {}

    // When WAL has been flushed up to `flushed`. None: all is shipped. A segment is begun at its start, also when the
    // server was met in its middle; those in the archive and those too far behind are left out.
    std::optional<Shipment> next(Lsn flushed);
    void shipped(const Shipment& shipment);
    // This segment is in the archive, whole.
    void archived(wal::WalSegment segment);

    [[nodiscard]] Timeline timeline() const { return timeline_; }
    [[nodiscard]] wal::SegmentSize size() const { return size_; }

private:
    [[nodiscard]] Lsn start_of_segment(std::uint64_t number) const { return {number * size_.bytes()}; }
    void move_to(Lsn position);

    Timeline timeline_;
    wal::SegmentSize size_;
    std::optional<Lsn> position_;       // shipped up to here, or not wanted
    Lsn covered_from_;                  // where the next covering piece would begin
    int pieces_ = 0;                    // since then
    std::set<std::uint64_t> archived_;  // segment numbers, none more than most_segments_behind behind
};

}  // namespace pgbosun::archive
