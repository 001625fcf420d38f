#pragma once
// The names that PostgreSQL gives to archive_command and asks restore_command for: four kinds and no other.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "wal/segment.hpp"

namespace pgbosun::wal {

struct Segment {
    SegmentName name;
    bool operator==(const Segment&) const = default;
};

// The last segment of a timeline that was left: as long as a segment, never to be used as one.
struct PartialSegment {
    SegmentName name;
    bool operator==(const PartialSegment&) const = default;
};

struct HistoryFile {
    Timeline timeline{};
    bool operator==(const HistoryFile&) const = default;
};

// "<segment>.<offset>.backup", written by pg_backup_stop.
struct BackupHistory {
    SegmentName name;
    std::uint32_t offset = 0;
    bool operator==(const BackupHistory&) const = default;
};

using ArchiveName = std::variant<Segment, PartialSegment, HistoryFile, BackupHistory>;

std::string to_string(const ArchiveName& name);
std::optional<ArchiveName> parse_archive_name(std::string_view text);
Timeline timeline_of(const ArchiveName& name);

}  // namespace pgbosun::wal
