#include "backup/catalog_text.hpp"

#include <algorithm>

#include "pgbosun/bytes_text.hpp"

namespace pgbosun::backup {
namespace {

using Row = std::vector<std::string>;

std::size_t width_of(std::string_view text) {
    const auto begins_character = [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80; };
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

// Two blanks between columns, none at a line's end.
std::string aligned(const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t at = 0; at < row.size(); ++at) widths[at] = std::max(widths[at], width_of(row[at]));
    }
    std::string text;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t at = 0; at < row.size(); ++at) {
            line += row[at] + std::string(widths[at] - width_of(row[at]) + 2, ' ');
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string size_text(std::uint64_t bytes) { return bytes == 0 ? "-" : bytes_text(bytes); }

// To the second: "2026-11-21 01:41:32Z".
std::string time_text(const std::optional<WallTime>& time) {
    if (!time) return "-";
    auto text = to_iso8601(*time).substr(0, 19) + "Z";
    text[10] = ' ';
    return text;
}

// One line, whatever somebody's backup.info holds.
std::string safe(std::string text) {
    constexpr std::size_t longest = 300;
    text.resize(std::min(text.size(), longest));
    for (char& byte : text) {
        if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F) byte = '?';
    }
    return text;
}

std::string text_or_dash(const std::string& text) { return text.empty() ? "-" : safe(text); }

std::string state_text(const CatalogEntry& entry) {
    std::string text = entry.status;
    if (!entry.keep.empty()) text += ", keep " + entry.keep;
    return text;
}

std::string remark_text(const CatalogEntry& entry) {
    std::string text = safe(entry.name);
    if (!entry.parent.empty()) text += (text.empty() ? "" : "; ") + ("builds on " + safe(entry.parent));
    if (!entry.error.empty()) text += (text.empty() ? "" : "; ") + safe(entry.error);
    return text;
}

std::string count_text(std::uint64_t count, const std::string& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

void add_info(std::vector<Row>& rows, const BackupInfo& info) {
    rows.push_back({"PostgreSQL", info.version > 0 ? std::to_string(info.version) : "-"});
    rows.push_back({"system id", info.system_id ? std::to_string(number(*info.system_id)) : "-"});
    rows.push_back({"data directory", text_or_dash(info.pgdata)});
    for (const auto& it : info.tablespaces) {
        rows.push_back({"tablespace", safe(it.name) + " (" + std::to_string(it.oid) + ") at " + safe(it.location)});
    }
    for (const auto& [name, value] : info.remarks) rows.push_back({safe(name), safe(value)});
}

}  // namespace

std::string to_text(const std::vector<CatalogEntry>& backups) {
    if (backups.empty()) return "no backups\n";
    std::vector<Row> rows{{"ID", "KIND", "STATE", "END", "TLI", "SIZE", "STORED", "NAME"}};
    for (const auto& entry : backups) {
        rows.push_back({entry.id, entry.kind, state_text(entry), time_text(entry.end_at),
                        entry.timeline == 0 ? "-" : std::to_string(entry.timeline), size_text(entry.bytes),
                        size_text(entry.stored), remark_text(entry)});
    }
    return aligned(rows);
}

std::string to_text(const CatalogEntry& entry) { return to_text(std::vector{entry}); }

std::string to_text(const ShownBackup& backup) {
    const auto& entry = backup.entry;
    std::vector<Row> rows{
        {"backup", entry.id}, {"name", text_or_dash(entry.name)}, {"kind", entry.kind}, {"state", state_text(entry)}};
    if (!entry.parent.empty()) rows.push_back({"builds on", safe(entry.parent)});
    if (!entry.error.empty()) rows.push_back({"error", safe(entry.error)});
    rows.push_back({"begin", time_text(entry.begin_at), entry.begin_lsn, entry.begin_wal});
    rows.push_back({"end", time_text(entry.end_at), entry.end_lsn, entry.end_wal});
    rows.push_back({"timeline", entry.timeline == 0 ? "-" : std::to_string(entry.timeline)});
    rows.push_back({"size", size_text(entry.bytes)});
    rows.push_back({"stored", size_text(entry.stored)});
    if (backup.info) add_info(rows, *backup.info);
    for (const auto& object : backup.objects) rows.push_back({"object", safe(object.key), size_text(object.size)});
    return aligned(rows);
}

std::string told(const Deleted& deleted) {
    std::string text = "backup " + deleted.entry.id + " is deleted, and " + count_text(deleted.wal_files, "WAL file");
    if (!deleted.wal_stays_because.empty()) text += " (" + deleted.wal_stays_because + ")";
    return text;
}

std::string to_text(const Deleted& deleted) { return told(deleted) + "\n"; }

std::string told(const Expired& expired) {
    constexpr std::size_t most = 10;
    std::uint64_t gone = 0;
    std::string names;
    for (std::size_t at = 0; at < expired.backups.size(); ++at) {
        if (stays(expired.plan.backups[at].reason)) continue;
        if (gone < most) names += (gone == 0 ? "" : ", ") + expired.backups[at].id;
        ++gone;
    }
    if (gone > most) names += " and " + std::to_string(gone - most) + " more";
    const std::string backups = count_text(gone, "backup") + (gone == 0 ? "" : " (" + names + ")");
    const std::string verb = expired.dry_run == DryRun::yes ? " would go" : " removed";
    const auto& refused = expired.uploads_stay_because;
    return backups + " and " + count_text(expired.wal_files, "WAL file") + verb +
           (refused.empty() ? "" : "; unfinished uploads stay: " + refused);
}

std::string to_text(const Expired& expired) {
    std::vector<Row> rows;
    for (std::size_t at = 0; at < expired.backups.size(); ++at) {
        const auto& entry = expired.backups[at];
        rows.push_back({entry.id, entry.kind, entry.status, time_text(entry.end_at),
                        std::string(explanation(expired.plan.backups[at].reason))});
    }
    const std::string verb = expired.dry_run == DryRun::yes ? " would go" : " removed";
    std::string text = aligned(rows) + count_text(expired.wal_files, "WAL file") + verb;
    if (expired.plan.wal) text += ": those before " + wal::to_string(expired.plan.wal->before);
    if (!expired.plan.wal_stays_because.empty()) text += ": " + expired.plan.wal_stays_because;
    text += "\n";
    if (expired.uploads > 0) text += count_text(expired.uploads, "unfinished upload") + " aborted\n";
    if (!expired.uploads_stay_because.empty())
        text += "unfinished uploads stay: " + expired.uploads_stay_because + "\n";
    return text;
}

std::string to_text(const WalListing& listing) {
    std::vector<Row> rows{{"FIRST", "LAST", "SEGMENTS"}};
    for (const auto& run : listing.runs) {
        rows.push_back({wal::to_string(run.first), wal::to_string(run.last), std::to_string(run.count)});
    }
    std::string text = listing.runs.empty() ? "no WAL\n" : aligned(rows);
    for (const auto timeline : listing.histories) {
        text += "history of timeline " + std::to_string(number(timeline)) + "\n";
    }
    const auto add = [&text](std::uint64_t count, const std::string& what) {
        if (count > 0) text += std::to_string(count) + " " + what + "\n";
    };
    add(listing.partials, "partial");
    add(listing.backup_histories, "of backups' begin and end");
    add(listing.duplicates, "stored in two encodings");
    add(listing.foreign, "foreign");
    return text;
}

std::string to_text(const WalReport& report) {
    std::string text;
    // What the newest backup reaches first.
    for (auto range = report.ranges.rbegin(); range != report.ranges.rend(); ++range) {
        text += "recoverable from " + time_text(range->from) + " to " + pgbosun::to_string(range->end) +
                ", whole segments to the end of " + range->to;
        if (!range->hole.empty()) text += ", hole at " + range->hole;
        text += "\n";
    }
    for (const auto& finding : report.findings) text += safe(finding) + "\n";
    return text;
}

}  // namespace pgbosun::backup
