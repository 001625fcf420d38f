#include "instance/shared_wal.hpp"

#include <algorithm>

namespace pgbosun::instance {
namespace {

// Holds the record that begins a timeline, of 42 bytes or, after a recovery to a target, of 114, and page headers in between.
constexpr std::uint64_t first_record = 256;
constexpr std::uint64_t page = 8192;

std::vector<Timeline> path_of(const wal::TimelineHistory& history) {
    std::vector<Timeline> path;
    for (const auto& ancestor : history.ancestors) path.push_back(ancestor.timeline);
    path.push_back(history.timeline);
    return path;
}

std::vector<wal::SegmentName> names(const std::vector<Timeline>& path, std::size_t from, Lsn begin,
                                    wal::SegmentSize size) {
    std::vector<wal::SegmentName> found;
    for (std::size_t i = from; i < path.size(); ++i) {
        found.push_back(wal::name_of(wal::segment_at(path[i], begin, size), size));
    }
    return found;
}

}  // namespace

std::vector<WalPiece> pieces_to_compare(const LocalData& local, const wal::TimelineHistory& upstream,
                                        wal::SegmentSize size) {
    const auto fork = divergence(local.history, upstream);
    if (!fork) return {};
    const Lsn end = std::min(local.held, *fork);
    // The timeline on which the last of the shared bytes was written: what it is in both paths.
    std::size_t leg = 0;
    Lsn begin{};
    for (const auto& ancestor : local.history.ancestors) {
        if (ancestor.fork >= end) break;
        begin = ancestor.fork;
        ++leg;
    }
    if (begin >= end) return {};
    const auto ours = path_of(local.history);
    const auto theirs = path_of(upstream);
    std::vector<WalPiece> pieces;
    const auto add = [&](Lsn from, Lsn to) {
        while (from < to) {
            const Lsn next{from.value - from.value % size.bytes() + size.bytes()};
            const Lsn until = std::min(to, next);
            pieces.push_back({from, until, names(ours, leg, from, size), names(theirs, leg, from, size)});
            from = until;
        }
    };
    if (leg > 0) add(begin, std::min(end, Lsn{begin.value + first_record}));
    if (local.unfinished) return pieces;
    // With the page before: the last one may have begun just now.
    const std::uint64_t last = (end.value - 1) / page * page;
    add(std::max(begin, Lsn{last >= page ? last - page : last}), end);
    return pieces;
}

}  // namespace pgbosun::instance
