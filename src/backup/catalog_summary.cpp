// A catalog in one value, for PID 1 and for people.

#include <algorithm>
#include <charconv>

#include "backup/archive_owner.hpp"
#include "backup/backup_chain.hpp"
#include "backup/catalog_commands.hpp"
#include "backup/timestamp.hpp"

namespace pgbosun::backup {
namespace {

std::string_view to_string(BackupStatus status) {
    switch (status) {
        case BackupStatus::done: return "done";
        case BackupStatus::failed: return "failed";
        case BackupStatus::unfinished: return "unfinished";
    }
    std::unreachable();
}

std::string_view to_string(Keep keep) {
    switch (keep) {
        case Keep::none: return "";
        case Keep::full: return "full";
        case Keep::standalone: return "standalone";
    }
    std::unreachable();
}

std::string remark_of(const BackupInfo& info, std::string_view name) {
    const auto found = info.remarks.find(std::string(name));
    return found == info.remarks.end() ? std::string() : found->second;
}

void add_info(CatalogEntry& entry, const BackupInfo& info) {
    entry.status = to_string(info.status);
    entry.name = info.name.value_or("");
    entry.parent = remark_of(info, remark::parent);
    entry.error = info.error;
    entry.instance = remark_of(info, remark::instance);
    entry.timeline = number(info.timeline);
    if (info.system_id) entry.system_id = number(*info.system_id);
    const auto size = remark_of(info, remark::size);
    // Left at 0, not known, unless it is a number.
    std::from_chars(size.data(), size.data() + size.size(), entry.bytes);
    if (info.begin) {
        entry.begin_at = info.begin->time;
        entry.begin_wal = wal::to_string(info.begin->segment);
        entry.begin_lsn = pgbosun::to_string(info.begin->lsn);
    }
    if (info.end) {
        entry.end_at = info.end->time;
        entry.end_wal = wal::to_string(info.end->segment);
        entry.end_lsn = pgbosun::to_string(info.end->lsn);
    }
}

// Barman's do not say it, and may not know their end.
WallTime failed_at(const Backup& backup) {
    const auto said = backup.info ? parse_timestamp(remark_of(*backup.info, remark::failed_at)) : std::nullopt;
    if (said) return *said;
    return backup.info && backup.info->end ? backup.info->end->time : backup.id.time();
}

void add_backups(CatalogSummary& summary, const std::vector<Backup>& backups) {
    summary.count = backups.size();
    const auto shown = std::min(backups.size(), CatalogSummary::most_entries);
    for (auto at = backups.size() - shown; at < backups.size(); ++at) summary.backups.push_back(entry_of(backups[at]));
    const auto whole = whole_backups(backups);
    for (const auto& backup : backups) {
        if (backup.done()) {
            ++summary.done;
            if (!whole.contains(backup.id)) continue;
            summary.last_done_at = backup.info->end->time;
            summary.last_done_id = backup.id.text();
        } else if (backup.info && backup.info->status == BackupStatus::failed && backup.info->error != being_deleted) {
            summary.last_failed_at = failed_at(backup);
            summary.last_failed_id = backup.id.text();
            summary.last_error = backup.info->error;
        }
    }
}

void add_holes(CatalogSummary& summary, const Coverage& coverage) {
    for (const auto& hole : coverage.holes) {
        summary.hole_count += 1;
        if (summary.holes.size() == CatalogSummary::most_holes) continue;
        const wal::WalSegment last{hole.first.timeline, hole.first.number + hole.count - 1};
        summary.holes.push_back({wal::to_string(name_of(hole.first, coverage.segment_size)),
                                 wal::to_string(name_of(last, coverage.segment_size)), hole.count});
    }
    for (const auto timeline : coverage.missing_histories) {
        summary.hole_count += 1;
        if (summary.holes.size() == CatalogSummary::most_holes) continue;
        const auto name = to_string(wal::ArchiveName(wal::HistoryFile{timeline}));
        summary.holes.push_back({name, name, 1});
    }
}

}  // namespace

CatalogEntry entry_of(const Backup& backup) {
    CatalogEntry entry;
    entry.id = backup.id.text();
    entry.kind = backup.kind == Kind::full ? "full" : "incremental";
    entry.keep = to_string(backup.keep);
    entry.stored = backup.stored;
    if (backup.info) {
        add_info(entry, *backup.info);
    } else {
        entry.status = to_string(BackupStatus::unfinished);
        entry.error = backup.info.error().what;
    }
    return entry;
}

CatalogSummary summary_of(const ArchiveFacts& facts, const Coverage& coverage, const std::string& server) {
    CatalogSummary summary;
    summary.server = server;
    summary.wal_files = facts.wal.segments().size();
    summary.empty = facts.backups.empty() && facts.wal.segments().empty() && facts.wal.histories().empty() &&
                    facts.wal.partials() == 0 && facts.wal.backup_histories() == 0 && facts.wal.foreign() == 0;
    add_backups(summary, facts.backups);
    add_holes(summary, coverage);
    if (coverage.newest) summary.last_wal = wal::to_string(name_of(*coverage.newest, coverage.segment_size));
    if (coverage.path) {
        const auto newest = coverage.path->timeline();
        const auto history = facts.histories.find(newest);
        summary.wal_segment_size = coverage.segment_size.bytes();
        summary.timeline = number(newest);
        if (history != facts.histories.end()) summary.history = wal::render_history(history->second);
    }
    if (coverage.from) {
        const auto from = std::ranges::find(facts.backups, *coverage.from, &Backup::id);
        summary.recoverable_from = from->info->end->time;
        summary.recoverable_to = summary.last_wal;
    }
    return summary;
}

Result<CatalogSummary> summarize(Catalog& catalog) {
    const auto facts = read_archive(catalog);
    if (!facts) return std::unexpected(facts.error());
    const auto owner = owner_of(catalog, facts->backups);
    // A damaged identity is the archiver's matter: the backups are there all the same.
    if (!owner && owner.error().kind != FaultKind::corrupt) return std::unexpected(owner.error());
    auto summary = summary_of(*facts, judge_coverage(*facts), catalog.server());
    if (owner && *owner) summary.owner = number(**owner);
    if (!summary.empty) return summary;
    // An archiver that has written nothing yet has signed at least.
    const auto anything = catalog.store().list(catalog.server() + "/", "", std::nullopt);
    if (!anything) return std::unexpected(anything.error());
    summary.empty = anything->objects.empty();
    return summary;
}

}  // namespace pgbosun::backup
