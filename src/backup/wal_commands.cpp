// `wal list` and `wal verify`.

#include <algorithm>

#include "backup/catalog_commands.hpp"

namespace pgbosun::backup {
namespace {

std::string plural(std::uint64_t count, const std::string& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string hole_text(const Hole& hole, wal::SegmentSize size) {
    const auto first = to_string(name_of(hole.first, size));
    if (hole.count == 1) return "segment " + first + " is missing";
    const wal::WalSegment last{hole.first.timeline, hole.first.number + hole.count - 1};
    return plural(hole.count, "segment") + " from " + first + " to " + to_string(name_of(last, size)) + " are missing";
}

std::vector<RecoverableWal> ranges_of(const ArchiveFacts& facts, const Coverage& coverage) {
    const auto name = [&](wal::WalSegment segment) { return to_string(name_of(segment, coverage.segment_size)); };
    std::vector<RecoverableWal> ranges;
    for (const auto& range : coverage.ranges) {
        const auto from = std::ranges::find(facts.backups, range.from, &Backup::id);
        ranges.push_back({from->info->end->time, name(range.to), end_of(facts, *coverage.path, range.to),
                          range.hole ? name(range.hole->first) : std::string()});
    }
    return ranges;
}

void add_broken(const ArchiveFacts& facts, const Coverage& coverage, std::vector<std::string>& findings) {
    constexpr std::size_t most = 20;
    for (std::size_t at = 0; at < coverage.holes.size() && at < most; ++at) {
        findings.push_back(hole_text(coverage.holes[at], coverage.segment_size));
    }
    if (coverage.holes.size() > most) findings.push_back(plural(coverage.holes.size() - most, "more hole"));
    for (const auto timeline : coverage.missing_histories) {
        const auto damaged = facts.damaged_histories.find(timeline);
        const auto why = damaged == facts.damaged_histories.end() ? "is missing" : "is damaged: " + damaged->second;
        findings.push_back(to_string(wal::ArchiveName(wal::HistoryFile{timeline})) + " " + why +
                           ": recovery does not find its way to this timeline");
    }
    for (const auto& id : coverage.orphaned) {
        findings.push_back("backup " + id.text() + " cannot be restored: the backup that it builds on is not there");
    }
    for (const auto& id : coverage.without_wal) {
        findings.push_back("backup " + id.text() + " cannot be restored: WAL that makes it consistent is missing");
    }
}

void add_remarkable(const WalInventory& wal, std::vector<std::string>& findings) {
    if (!wal.duplicates().empty()) {
        findings.push_back(plural(wal.duplicates().size(), "segment") + " stored in two encodings, the first " +
                           to_string(wal.duplicates().front()));
    }
    if (wal.empty() > 0) {
        findings.push_back(plural(wal.empty(), "object") + " of 0 bytes, the first " + wal.empty_examples().front());
    }
    if (wal.foreign() > 0) {
        findings.push_back(plural(wal.foreign(), "object") + " that no WAL is, the first " +
                           wal.foreign_examples().front());
    }
}

}  // namespace

Result<WalListing> list_wal(Catalog& catalog) {
    const auto facts = read_archive(catalog);
    if (!facts) return std::unexpected(facts.error());
    const auto size = judge_coverage(*facts).segment_size;
    WalListing listing{.partials = facts->wal.partials(),
                       .backup_histories = facts->wal.backup_histories(),
                       .duplicates = facts->wal.duplicates().size(),
                       .foreign = facts->wal.foreign()};
    std::optional<wal::WalSegment> previous;
    for (const auto& name : facts->wal.segments()) {
        const auto segment = segment_of(name, size);
        const bool follows =
            segment && previous && segment->timeline == previous->timeline && segment->number == previous->number + 1;
        if (follows) {
            listing.runs.back().last = name;
            ++listing.runs.back().count;
        } else {
            listing.runs.push_back({name, name, 1});
        }
        previous = segment;
    }
    for (const auto& [timeline, key] : facts->wal.histories()) listing.histories.push_back(timeline);
    return listing;
}

WalReport report_of(const ArchiveFacts& facts, const std::string& server) {
    const auto coverage = judge_coverage(facts);
    WalReport report{.summary = summary_of(facts, coverage, server),
                     .ranges = ranges_of(facts, coverage),
                     .whole = coverage.whole(),
                     .findings = {}};
    if (!coverage.from) {
        report.findings.emplace_back(report.summary.done == 0
                                         ? "recovery is not possible: there is no backup that is done"
                                         : "recovery to now is not possible: no backup reaches the newest WAL");
    }
    add_broken(facts, coverage, report.findings);
    add_remarkable(facts.wal, report.findings);
    return report;
}

Result<WalReport> verify_wal(Catalog& catalog) {
    const auto facts = read_archive(catalog);
    if (!facts) return std::unexpected(facts.error());
    return report_of(*facts, catalog.server());
}

}  // namespace pgbosun::backup
