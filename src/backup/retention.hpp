#pragma once
// Decision: which backups and which WAL are no longer needed.

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "backup/catalog.hpp"
#include "backup/coverage.hpp"
#include "wal/archive_name.hpp"

namespace pgbosun::backup {

// The newest full backups that are done, and the incremental ones that build on them.
struct Redundancy {
    int backups = 1;  // 1 to 9999
    bool operator==(const Redundancy&) const = default;
};

// What recovery to any moment of so many days needs. A week has 7, a month 31.
struct RecoveryWindow {
    std::chrono::days days{1};
    bool operator==(const RecoveryWindow&) const = default;
};

using RetentionPolicy = std::variant<Redundancy, RecoveryWindow>;

// "REDUNDANCY 3", "RECOVERY WINDOW OF 30 DAYS" (or WEEKS, MONTHS; also DAY, WEEK, MONTH). refused: anything
// else.
Result<RetentionPolicy> parse_retention(std::string_view text);

// A backup that was never finished may be under way for so long after it began, or after the last of its objects came.
inline constexpr std::chrono::hours unfinished_lifetime{24};
bool is_young(const Backup& backup, WallTime now);

enum class Reason {
    // These stay.
    wanted,         // among the newest, or within the window
    before_window,  // what recovery to the window's begin starts from
    way_to_newest,  // newer ones stay, but ended behind the fork that leads to the newest timeline
    needed,         // an incremental one that stays builds on it
    kept,           // marked with keep
    no_policy,      // there is no policy
    under_way,      // not finished, and may still be
    last_failure,   // the newest run, for a person to see
    damaged,        // its backup.info cannot be read: a person has to decide
    elsewhere,      // volume snapshots, which are not ours to remove
    changed,        // it has changed since it was judged
    // These go.
    obsolete,
    orphaned,  // the backup that it builds on is not there
    failed,
    unfinished,
};
constexpr bool stays(Reason reason) { return reason < Reason::obsolete; }
// For a person: "stays: marked with keep".
std::string_view explanation(Reason reason);

struct Verdict {
    BackupId id;
    Kind kind = Kind::full;
    Reason reason{};
    bool operator==(const Verdict&) const = default;
};

// Segments, partial ones, backup history files, and pieces of segments that are not whole (archive.stream).
struct WalExpiry {
    struct Range {
        wal::SegmentName first, last;
        bool operator==(const Range&) const = default;
    };
    wal::SegmentName
        before;  // what comes before it, on the timeline of the oldest backup that stays, may go: for a person
    // Where recoveries of kept backups begin: each needs what is not before it in the log, on its own timeline and on all
    // later ones, of which any may descend from it. By timeline; each earlier in the log than the one before it.
    std::vector<wal::SegmentName> begins;
    std::vector<Range> protected_;  // what standalone backups need, on all timelines from the first's to the last's
    Timeline newest{};  // of a kept backup: of later ones nothing goes, for their first backup may be under way
    // While a backup is under way, whose begin is not known: where the one before it was taken. Of the others nothing goes.
    std::optional<Timeline> only;
    [[nodiscard]] bool may_go(const wal::ArchiveName& name) const;
    bool operator==(const WalExpiry&) const = default;
};

struct ExpiryPlan {
    std::vector<Verdict> backups;   // in the order of the list
    std::optional<WalExpiry> wal;   // none: no WAL may go
    std::string wal_stays_because;  // for a person; empty: some may go
};

// `backups`: oldest first. Without a policy, what is done stays and no WAL goes. A policy is fulfilled twice: as if all
// backups were alike, and by those from which recovery gets to the newest timeline. Where the history of that one is not
// known, all are.
ExpiryPlan plan_expiry(const std::vector<Backup>& backups, const std::optional<RetentionPolicy>& policy, WallTime now,
                       const Histories& histories = {});

// What WAL is not needed once the verdicts are carried out.
struct WalVerdict {
    std::optional<WalExpiry> wal;
    std::string stays_because;
};
WalVerdict plan_wal(const std::vector<Backup>& backups, const std::vector<Verdict>& verdicts);

}  // namespace pgbosun::backup
