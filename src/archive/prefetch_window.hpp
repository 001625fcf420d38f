#pragma once
// Which segments recovery will ask for next, and how many of them to fetch ahead. Decisions only.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "wal/history.hpp"
#include "wal/segment.hpp"

namespace pgbosun::archive {

inline constexpr std::size_t widest_window = 64;                                // segments
inline constexpr std::uint64_t most_prefetched_bytes = std::uint64_t{1} << 30;  // on disk

// How far ahead: doubles while the segments asked for follow each other, begins anew when they do not.
class PrefetchWindow {
public:
    // PostgreSQL got this segment.
    void served(wal::WalSegment segment);
    // The archive has no segment where one was expected: its end is near.
    void reached_the_end() { width_ = 1; }
    [[nodiscard]] std::size_t width() const { return width_; }

private:
    std::optional<wal::WalSegment> last_;
    std::size_t width_ = 1;
};

// Where timelines were left, as far as histories have been seen; the earliest when there are several.
class KnownForks {
public:
    void learn(const wal::TimelineHistory& history);
    [[nodiscard]] std::optional<Lsn> of(Timeline timeline) const;

private:
    std::map<Timeline, Lsn> forks_;
};

// The segments after `served` on its timeline, in order: at most `width`, at most most_prefetched_bytes together, none
// that begins at or after the fork.
std::vector<wal::WalSegment> following(wal::WalSegment served, std::size_t width, wal::SegmentSize size,
                                       std::optional<Lsn> fork);

}  // namespace pgbosun::archive
