#pragma once
// Shell: what `pgbosun-archiver catalog ...`, `pgbosun backup list|show|delete|keep|expire` and `pgbosun wal
// list|verify` do. They take a Catalog and return values; catalog_text.hpp renders them.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/catalog.hpp"
#include "backup/coverage.hpp"
#include "backup/retention.hpp"
#include "pgbosun/catalog_summary.hpp"

namespace pgbosun::backup {

// All that is known of an archive: the backups, the names of the WAL, the histories. unavailable: the store
// did not answer all of it.
Result<ArchiveFacts> read_archive(Catalog& catalog);

// not_found: it is not in the archive. corrupt: it is no history.
Result<wal::TimelineHistory> read_history(Catalog& catalog, Timeline timeline);

// Those that can be read; they lie beside the WAL's directories, of which nothing is read.
Result<Histories> read_histories(Catalog& catalog);

// "<server>/wals/"
std::string wals_prefix(std::string_view server);
// `below`: a key without that.
Result<> each_wal_object(Catalog& catalog,
                         const std::function<void(std::string_view below, const ObjectFacts& object)>& take);

CatalogEntry entry_of(const Backup& backup);
// What PID 1 asks for, and `catalog summary --report json` prints.
Result<CatalogSummary> summarize(Catalog& catalog);
CatalogSummary summary_of(const ArchiveFacts& facts, const Coverage& coverage, const std::string& server);

// `backup list`: oldest first.
Result<std::vector<CatalogEntry>> list_backups(Catalog& catalog);

// `backup show`
struct ShownBackup {
    CatalogEntry entry;
    std::optional<BackupInfo> info;  // none: it cannot be read
    std::vector<ObjectFacts> objects;
};
Result<ShownBackup> show_backup(Catalog& catalog, const std::string& reference);

// `backup keep`
Result<CatalogEntry> keep_backup(Catalog& catalog, const std::string& reference, Keep keep);

// `backup delete`, and the WAL that nothing needs any more. refused: it is marked with keep, an incremental
// backup builds on it, it may be under way, or it is the only one that is done; `force` overrides the last
// two.
enum class Force { no, yes };
struct Deleted {
    CatalogEntry entry;
    std::uint64_t wal_files = 0;
    std::string wal_stays_because;  // empty: some may go
};
Result<Deleted> delete_backup(Catalog& catalog, const std::string& reference, Force force, WallTime now);

// What this instance began and did not finish.
struct OwnBackups {
    std::string instance;
    // No backup of it is under way; asked after the catalog was read. Empty: nobody knows.
    std::function<bool()> idle;
};

// Killed: this instance took it, and takes none any more. It may have come to its end since the catalog was read.
bool is_over(Catalog& catalog, const Backup& backup, const OwnBackups& own);

// A backup of this instance that was killed becomes FAILED with `error`. The same entry when it has an end already.
// refused: it is another instance's, or under way.
Result<CatalogEntry> close_backup(Catalog& catalog, const std::string& reference, const std::string& error,
                                  const OwnBackups& own);

// `backup expire`: data first, then backup.info, then WAL; then uploads that were left unfinished are aborted, all of them
// unless a backup may be under way. Killed at any step, the next one does the rest. What has changed meanwhile stays: the
// verdicts are those that were carried out, with what began meanwhile.
enum class DryRun { no, yes };
struct Expired {
    std::vector<CatalogEntry> backups;  // oldest first, as they were
    ExpiryPlan plan;                    // with a verdict for each
    std::uint64_t wal_files = 0;        // removed, or to be removed
    std::uint64_t uploads = 0;          // aborted; 0 in a dry run
    std::string uploads_stay_because;   // the store refused to list or to abort them; empty: it did not
    DryRun dry_run = DryRun::no;
};
Result<Expired> expire(Catalog& catalog, const std::optional<RetentionPolicy>& policy, WallTime now, DryRun dry_run,
                       const OwnBackups& own = {});

// `wal list`: runs of segments without a hole, in the order of their names.
struct WalRun {
    wal::SegmentName first, last;
    std::uint64_t count = 0;
};
struct WalListing {
    std::vector<WalRun> runs;
    std::vector<Timeline> histories;
    std::uint64_t partials = 0, backup_histories = 0, duplicates = 0, foreign = 0;
};
Result<WalListing> list_wal(Catalog& catalog);

// `wal verify`: exit code 1 unless `whole`.
struct RecoverableWal {
    std::optional<WallTime> from;
    std::string to;    // the last whole segment
    Lsn end;           // its end, or further: into what archive.stream brought of the next one
    std::string hole;  // the first segment that is missing behind it; empty: none
};
struct WalReport {
    CatalogSummary summary;
    std::vector<RecoverableWal> ranges;  // oldest first
    bool whole = false;
    std::vector<std::string> findings;  // a line each, for a person; the first is the worst
};
WalReport report_of(const ArchiveFacts& facts, const std::string& server);
Result<WalReport> verify_wal(Catalog& catalog);

}  // namespace pgbosun::backup
