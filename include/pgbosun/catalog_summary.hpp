#pragma once
// What an archive holds and what can be recovered from it, in one value: the answer of
// `pgbosun-archiver catalog summary --report json` (one line; src/archive/summary_wire is the only place that
// reads or writes it). PID 1 asks for it at its start, after each backup and every few minutes; /v1/backups,
// status and metrics are answered from it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/time.hpp"

namespace pgbosun {

struct CatalogEntry {
    std::string id;
    std::string name;      // empty: none
    std::string status;    // "done", "failed", "unfinished"
    std::string kind;      // "full", "incremental"
    std::string parent;    // of an incremental one
    std::string error;     // of a failed one, or why its backup.info cannot be read
    std::string keep;      // "", "full", "standalone"
    std::string instance;  // that it was taken from; empty: not known
    std::optional<WallTime> begin_at, end_at;
    std::string begin_wal, end_wal;  // segment names
    std::string begin_lsn, end_lsn;
    std::uint32_t timeline = 0;
    std::uint64_t bytes = 0;      // of its files; 0: not known
    std::uint64_t stored = 0;     // as it lies in the store; 0: not known
    std::uint64_t system_id = 0;  // of the cluster that it is of; 0: not known
    bool operator==(const CatalogEntry&) const = default;
};

// Segments that are not in the archive although later ones of the same timeline are, or a history file.
struct WalHole {
    std::string first, last;  // names; the same for one segment or a history file
    std::uint64_t count = 1;
    bool operator==(const WalHole&) const = default;
};

struct CatalogSummary {
    static constexpr std::size_t most_entries = 1000;
    static constexpr std::size_t most_holes = 100;

    std::string server;
    bool empty = true;        // nothing lies under the server's name: no backup, no WAL, no identity
    std::uint64_t owner = 0;  // system identifier of the cluster whose archive it is; 0: nobody knows
    std::uint64_t count = 0;  // of all backups, whatever their status
    std::uint64_t done = 0;
    std::vector<CatalogEntry> backups;     // the newest `most_entries`, oldest first
    std::optional<WallTime> last_done_at;  // the end of the newest one that is done
    std::string last_done_id;
    std::optional<WallTime> last_failed_at;  // of the newest one that failed
    std::string last_failed_id, last_error;
    // Every moment from here on can be recovered, without a hole, to the newest archived WAL. None: nothing
    // can.
    std::optional<WallTime> recoverable_from;
    std::string recoverable_to;          // the last segment that recovery reaches without a hole
    std::string last_wal;                // the newest segment in the archive
    std::uint32_t wal_segment_size = 0;  // bytes; 0: there is no WAL and no backup
    // The text of the history file of the newest timeline that is known, to which recovery goes; empty: that is timeline 1.
    std::uint32_t timeline = 1;
    std::string history;
    std::uint64_t wal_files = 0;
    std::vector<WalHole> holes;  // after the oldest backup that is done; the first `most_holes`
    std::uint64_t hole_count = 0;
    bool operator==(const CatalogSummary&) const = default;
};

}  // namespace pgbosun
