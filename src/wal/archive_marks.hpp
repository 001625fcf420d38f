#pragma once
// Decision: which WAL files are to be archived (again) that PostgreSQL's marks in pg_wal/archive_status say nothing true of.
//
// A standby marks what it streams as archived (.done): it trusts its primary. When that has died, nobody has archived what it
// had not. And what a former primary has still to archive (.ready) is archived by nobody once it follows another one.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/lsn.hpp"
#include "wal/history.hpp"
#include "wal/segment.hpp"

namespace pgbosun::wal {

inline constexpr std::string_view done_mark = ".done";
inline constexpr std::string_view ready_mark = ".ready";
// Names in archive_status that are read in one look: PostgreSQL keeps a mark for each segment that is not yet recycled.
inline constexpr std::size_t most_marks = 1'000'000;

// How far a server's WAL reaches, and through which timelines it came there.
struct Reach {
    TimelineHistory history;
    Lsn end;
    bool operator==(const Reach&) const = default;
};

// The files marked .done that are certainly of this history: the history files of the timelines that it went through, and
// each segment that ends at or before `reach.end` and whose last byte was written on the timeline of its name. Without their
// marks, sorted. A segment within which the history left its timeline, or within which it ends, is none: PostgreSQL marks it
// when its WAL receiver ends, though it is not whole.
std::vector<std::string> taken_on_trust(std::span<const std::string> names_in_archive_status, const Reach& reach,
                                        SegmentSize size);

// The segments that have no mark and are certainly of this history, sorted: a WAL receiver that ended exactly at a segment's end
// has not marked it, and PostgreSQL does only when it is about to recycle it.
std::vector<std::string> whole_without_mark(std::span<const std::string> names_in_pg_wal,
                                            std::span<const std::string> names_in_archive_status, const Reach& reach,
                                            SegmentSize size);

// The files marked .ready, without their marks, sorted.
std::vector<std::string> still_to_archive(std::span<const std::string> names_in_archive_status);

// The segments of older timelines than `reach` ends on that have no mark and are not whole, sorted: what a primary had begun
// when it crashed, and what was fetched by pg_rewind. PostgreSQL archives each when it is about to recycle it, as if it were
// whole; another server's may differ behind the fork, and then an archive that refuses it is tried for ever.
std::vector<std::string> never_whole(std::span<const std::string> names_in_pg_wal,
                                     std::span<const std::string> names_in_archive_status, const Reach& reach,
                                     SegmentSize size);

// Whether a former primary may archive this file beside a primary on the timeline `of_primary`: that one gives no file the
// name of an older timeline that it has not got from that timeline.
bool is_of_older_timeline(std::string_view name, Timeline of_primary);

}  // namespace pgbosun::wal
