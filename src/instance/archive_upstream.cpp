#include "instance/archive_upstream.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

#include "wal/segment.hpp"

namespace pgbosun::instance {
namespace {

bool is_done(const CatalogEntry& entry) { return entry.status == "done"; }

std::optional<Lsn> restorable_from(const CatalogSummary& archive) {
    if (!archive.recoverable_from) return std::nullopt;
    for (const auto& entry : archive.backups | std::views::reverse | std::views::filter(is_done)) {
        if (!entry.end_at || *entry.end_at < *archive.recoverable_from) continue;
        if (const auto begin = parse_lsn(entry.begin_lsn)) return begin;
    }
    return std::nullopt;
}

std::optional<Lsn> end_of(const CatalogSummary& archive) {
    const auto size = wal::SegmentSize::from_bytes(archive.wal_segment_size);
    const auto name = wal::parse_segment_name(archive.last_wal);
    const auto last = size && name ? wal::segment_of(*name, *size) : std::nullopt;
    if (!last) return std::nullopt;
    return Lsn{wal::start_of(*last, *size).value + size->bytes()};
}

}  // namespace

Result<ArchiveUpstream> upstream_of(const CatalogSummary& archive, SystemId otherwise, int server_major) {
    if (archive.last_wal.empty()) return fail(FaultKind::unavailable, "it has no WAL yet");
    const auto end = end_of(archive);
    if (!end) return fail(FaultKind::corrupt, "its newest segment has no such name: " + archive.last_wal);
    const Timeline timeline{archive.timeline};
    ArchiveUpstream it;
    it.upstream.history.timeline = timeline;
    if (timeline != Timeline{1}) {
        auto history = wal::parse_history(timeline, archive.history);
        if (!history) return std::unexpected(std::move(history.error()).in("its newest history"));
        it.upstream.history = std::move(*history);
    }
    it.upstream.system_id = otherwise;
    for (const auto& entry : archive.backups | std::views::filter(is_done)) {
        if (entry.system_id != 0) it.upstream.system_id = SystemId{entry.system_id};
    }
    it.upstream.server_major = server_major;
    it.upstream.position = {timeline, *end};
    it.upstream.connects = false;
    it.restorable_from = restorable_from(archive);
    return it;
}

bool has_lost(const ArchiveUpstream& archive, Lsn replayed, std::uint32_t segment_bytes) {
    const Lsn awaited{replayed.value - replayed.value % segment_bytes};
    const bool went_on = archive.upstream.position.lsn.value > awaited.value + segment_bytes;
    return went_on && archive.restorable_from && *archive.restorable_from > replayed;
}

}  // namespace pgbosun::instance
