#pragma once
// Backups for tests: each says its place in time and in the WAL, and nothing more.

#include <optional>
#include <string>
#include <utility>

#include "backup/catalog.hpp"
#include "backup/coverage.hpp"
#include "backup/timestamp.hpp"

namespace pgbosun::test {

inline WallTime moment(const std::string& text) { return *backup::parse_timestamp(text); }

// Where a backup lies: segments of 16 MB, from the middle of `begin` to the middle of `end`.
struct Place {
    std::uint32_t timeline = 1;
    std::uint64_t begin = 2;
    std::uint64_t end = 2;
};

inline backup::WalPosition position(std::uint32_t timeline, std::uint64_t segment, std::uint32_t offset,
                                    WallTime time) {
    const auto size = *wal::SegmentSize::from_bytes(16 << 20);
    return {Lsn{segment * size.bytes() + offset}, name_of({Timeline{timeline}, segment}, size), time};
}

// It took a minute.
inline backup::Backup done(const std::string& id, Place place = {}) {
    const auto parsed = *backup::BackupId::parse(id);
    backup::BackupInfo info;
    info.status = backup::BackupStatus::done;
    info.begin = position(place.timeline, place.begin, 0x28, parsed.time());
    info.end = position(place.timeline, place.end, 0x100, parsed.time() + std::chrono::minutes(1));
    info.timeline = Timeline{place.timeline};
    info.system_id = SystemId{7710436416726794584};
    info.version = 170011;
    info.backup_label = "label\n";
    info.pgdata = "/data";
    return {.id = parsed, .info = std::move(info)};
}

inline backup::Backup incremental(const std::string& id, const std::string& parent, Place place = {}) {
    auto backup = done(id, place);
    backup.kind = backup::Kind::incremental;
    backup.info->remarks[std::string(backup::remark::parent)] = parent;
    return backup;
}

// Timeline `child` left `parent`, which has no parents, in the middle of the segment.
inline std::pair<const Timeline, wal::TimelineHistory> forked(std::uint32_t child, std::uint32_t parent,
                                                              std::uint64_t segment) {
    const Lsn fork = position(parent, segment, 8 << 20, {}).lsn;
    return {Timeline{child}, {Timeline{child}, {{Timeline{parent}, fork, "no recovery target specified"}}}};
}

inline backup::Backup with_keep(backup::Backup backup, backup::Keep keep) {
    backup.keep = keep;
    return backup;
}

inline backup::Backup failed_backup(const std::string& id, const std::string& error = "the disk is full") {
    auto backup = done(id);
    backup.info->status = backup::BackupStatus::failed;
    backup.info->error = error;
    return backup;
}

inline backup::Backup never_finished(const std::string& id) {
    return {.id = *backup::BackupId::parse(id), .info = fail(FaultKind::not_found, "it has no backup.info")};
}

inline backup::Backup under_way(const std::string& id, const std::string& parent,
                                const std::string& instance = "pg-1") {
    auto backup = never_finished(id);
    backup.kind = backup::Kind::incremental;
    backup.claim = backup::BackupClaim{instance, backup::BackupId::parse(parent)};
    return backup;
}

inline backup::Backup damaged_backup(const std::string& id) {
    return {.id = *backup::BackupId::parse(id), .info = fail(FaultKind::corrupt, "backup.info: begin_wal is missing")};
}

}  // namespace pgbosun::test
