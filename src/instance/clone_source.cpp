#include "instance/clone_source.hpp"

#include <algorithm>
#include <ranges>

#include "wal/segment.hpp"

namespace pgbosun::instance {
namespace {

using Why = std::string_view;

bool is_done(const CatalogEntry& entry) { return entry.status == "done"; }

// Of an incremental backup, the full one below it; none: the chain has a gap.
const CatalogEntry* full_backup_of(const CatalogSummary& archive, const CatalogEntry& entry) {
    const CatalogEntry* it = &entry;
    // A parent is older than its child, so the way ends.
    while (it->kind != "full") {
        const auto parent = std::ranges::find(archive.backups, it->parent, &CatalogEntry::id);
        if (parent == archive.backups.end() || !is_done(*parent) || parent->id >= it->id) return nullptr;
        it = &*parent;
    }
    return it;
}

std::optional<WeighedBackup> weigh(const CatalogSummary& archive, const CatalogEntry& entry, const Upstream& upstream) {
    const auto begin = parse_lsn(entry.begin_lsn);
    const auto end = parse_lsn(entry.end_lsn);
    const CatalogEntry* full = full_backup_of(archive, entry);
    if (!begin || !end || full == nullptr) return std::nullopt;
    WeighedBackup backup{entry.id, {Timeline{entry.timeline}, *begin}, *end, full->bytes, 0, entry.end_at};
    if (backup.bytes == 0) backup.bytes = full->stored;  // Barman does not say more
    if (upstream.position.lsn > *begin) backup.wal_bytes = upstream.position.lsn.value - begin->value;
    return backup;
}

// The end of what the primary's history has of a timeline; none: it was never on it.
std::optional<Lsn> end_on(const Upstream& upstream, Timeline timeline) {
    if (timeline == upstream.history.timeline) return upstream.position.lsn;
    return wal::fork_point(upstream.history, timeline);
}

std::optional<Why> not_of_history(const CatalogEntry& entry, const WeighedBackup& backup, const Upstream& upstream) {
    if (entry.system_id == 0) return "the backup does not say of which system it is";
    if (SystemId{entry.system_id} != upstream.system_id) return "the backup is of another system";
    const auto end = end_on(upstream, backup.begin.timeline);
    if (!end) return "the backup's timeline is not in the primary's history";
    if (backup.end > *end) return "the primary's history left the backup's timeline before the backup ended";
    return std::nullopt;
}

std::optional<Why> not_to_be_replayed(const CatalogSummary& archive, const WeighedBackup& backup,
                                      const Upstream& upstream) {
    const bool whole = archive.recoverable_from && backup.ended_at && *archive.recoverable_from <= *backup.ended_at;
    // Of many holes only the first are told.
    const bool lacks_history =
        archive.hole_count > archive.holes.size() ||
        std::ranges::any_of(archive.holes, [](const auto& hole) { return hole.first.ends_with(".history"); });
    if (!whole || lacks_history) return "the archive lacks WAL since the backup began";
    // PostgreSQL goes to the newest timeline that the archive has.
    const auto newest = wal::parse_segment_name(archive.last_wal);
    if (!newest || !end_on(upstream, newest->timeline))
        return "the archive has a timeline that is not in the primary's history";
    return std::nullopt;
}

std::optional<Why> not_quicker(const WeighedBackup& backup, std::optional<std::uint64_t> data_bytes) {
    if (backup.bytes == 0) return "the backup's size is not known";
    if (backup.wal_bytes > backup.bytes / data_over_wal) return "much WAL has been written since the backup began";
    if (data_bytes && backup.bytes / backup_over_data > *data_bytes)
        return "the backup is much larger than the primary's data is now";
    return std::nullopt;
}

}  // namespace

CloneChoice choose_clone_source(CloneFrom wanted, const CatalogSummary& archive, const Upstream& upstream,
                                std::optional<std::uint64_t> data_bytes) {
    CloneChoice choice{CloneSource::primary, "the archive has no backup", std::nullopt};
    bool is_newest = true;
    for (const auto& entry : archive.backups | std::views::reverse | std::views::filter(is_done)) {
        auto backup = weigh(archive, entry, upstream);
        const auto why_not = backup ? not_of_history(entry, *backup, upstream) : Why("the backup's chain is not whole");
        if (!why_not) {
            choice.backup = std::move(backup);
            break;
        }
        if (std::exchange(is_newest, false)) choice.why = *why_not;
    }
    if (!choice.backup) return choice;
    auto why_not = not_to_be_replayed(archive, *choice.backup, upstream);
    if (!why_not && wanted == CloneFrom::quicker) why_not = not_quicker(*choice.backup, data_bytes);
    if (why_not) {
        choice.why = *why_not;
        return choice;
    }
    choice.source = CloneSource::archive;
    choice.why =
        wanted == CloneFrom::archive ? "it is configured so" : "little WAL has been written since the backup began";
    return choice;
}

}  // namespace pgbosun::instance
