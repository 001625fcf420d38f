#pragma once
// Brings one WAL file out of the archive into a file beside the data directory, verified.

#include <atomic>
#include <optional>
#include <string>

#include "archive/layout.hpp"
#include "archive/stream_layout.hpp"
#include "pgbosun/object_store.hpp"
#include "wal/archive_name.hpp"

namespace pgbosun::archive {

// What is known of the data directory that asks; what is not known is not checked.
struct ExpectedWal {
    std::optional<SystemId> system_id;
    std::optional<wal::SegmentSize> segment_size;
    bool operator==(const ExpectedWal&) const = default;
};

class WalFetcher {
public:
    WalFetcher(ObjectStore& store, std::string server) : store_(store), server_(std::move(server)) {}

    // Success: `path` (made anew, mode 0600, not fsynced: PostgreSQL asks again after a crash) holds the whole file,
    // and a segment is the one its name says. not_found: the store has said that there is no object of that name with
    // any extension. cancelled: `gone` became true. On a Fault `path` does not exist.
    Result<> fetch(const wal::ArchiveName& name, const std::string& path, const ExpectedWal& expected,
                   const std::atomic<bool>& gone);

    // The same from the pieces of a segment that is not whole (stream_layout.hpp); what they do not cover is zeros,
    // which PostgreSQL takes for the end of WAL. not_found: there are none.
    Result<> fetch_pieces(wal::SegmentName segment, const std::string& path, const ExpectedWal& expected,
                          const std::atomic<bool>& gone);

private:
    Result<> lay_pieces(wal::SegmentName segment, int file, const ExpectedWal& expected, const std::atomic<bool>& gone);
    Result<> lay_piece(const std::string& key, const StreamPiece& piece, int file, const std::atomic<bool>& gone);
    Result<> fetch_as(Encoding encoding, const wal::ArchiveName& name, int file, std::uint64_t limit,
                      const std::atomic<bool>& gone);
    Result<> fetch_any(const wal::ArchiveName& name, int file, std::uint64_t limit, const std::atomic<bool>& gone);
    Result<Encoding> find(const wal::ArchiveName& name);

    ObjectStore& store_;
    std::string server_;
    std::optional<Encoding> last_;  // what the last object found was: the next one is likely the same
};

// Begins to write the file to the disk, and waits for nothing: PostgreSQL fsyncs what it takes over while recovery
// waits, which takes little then. What goes wrong meanwhile that fsync is told: nobody has asked before it.
Result<> write_back(const std::string& path);

// Moves `from` to `to`, by copying where they are on different file systems; `to` is replaced.
Result<> place(const std::string& from, const std::string& to);

}  // namespace pgbosun::archive
