#pragma once
// What PID 1 and the archiver tell each other over the archiver's standard input and output: JSON objects, one a line
// (src/archive/link_wire, the only place that reads or writes them). When PID 1's end closes, the archiver ends.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "pgbosun/lsn.hpp"

namespace pgbosun {

// Where the running primary's WAL is, for archive.stream.
struct FlushedWal {
    Lsn position;  // all before it is on disk
    Timeline timeline{};
    std::uint64_t server_run = 0;  // another number after each start of the server
    bool operator==(const FlushedWal&) const = default;
};

// PID 1 -> archiver, at every change. Until the first one arrives the archiver answers every request "not yet".
struct ArchiveOrder {
    // The right to add to the archive: a demoted, fenced or foreign instance has none.
    bool may_archive = false;
    std::string reason;  // why not
    // PostgreSQL is being promoted: it asks for what may be there, and an archive that does not answer must not hold it up.
    bool promoting = false;
    // PostgreSQL is being stopped: it does not end before its archiver has an answer.
    bool stopping = false;
    std::string data_directory;  // absolute
    std::optional<SystemId> system_id;
    std::uint32_t wal_segment_size = 0;  // bytes; 0: not known yet
    std::optional<FlushedWal> wal;       // only with archive.stream, and only while it may archive
    bool operator==(const ArchiveOrder&) const = default;
};

inline constexpr std::chrono::seconds heartbeat{5};
inline constexpr std::chrono::seconds longest_silence{30};

// How archive.stream fares.
struct StreamReport {
    std::optional<Lsn> position;  // all before it is in the archive, whole or in pieces
    std::optional<std::string> at;
    std::optional<std::string> failing_since;
    std::optional<std::string> last_error;
    bool operator==(const StreamReport&) const = default;
};

// Archiver -> PID 1, when something changed, at most ten times a second, and every few seconds (heartbeat) else: one
// that says nothing for longest_silence hangs. Times are UTC, ISO 8601.
struct ArchiveReport {
    std::string target;
    std::optional<std::string> last_wal;
    std::optional<std::string> last_at;
    std::uint64_t backlog = 0;  // .ready files seen and not archived yet
    std::optional<std::string> failing_since;
    std::optional<std::string> last_error;
    std::uint64_t archived = 0;        // files since the archiver started
    std::uint64_t archived_bytes = 0;  // uncompressed
    std::uint64_t stored_bytes = 0;    // as stored
    std::uint64_t failures = 0;
    std::uint64_t restored = 0;
    // The segment that PostgreSQL asked for last, where the archive has said that it is not there; none: it has got what it
    // asked for.
    std::optional<std::string> awaited;
    // What keeps a restore_command waiting; none: nothing does.
    std::optional<std::string> restore_failing_since;
    std::optional<std::string> restore_error;
    StreamReport stream;
    bool operator==(const ArchiveReport&) const = default;
};

}  // namespace pgbosun
