#pragma once
// PostgreSQL's own base backup, over its replication protocol: what only the server can do is an incremental one.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "pgbosun/fault.hpp"
#include "pgbosun/lsn.hpp"

namespace pgbosun {

enum class PageChecking { on, off };

struct BackupStreamOrders {
    std::string label;
    bool immediate_checkpoint = true;
    PageChecking checking = PageChecking::on;  // of whole files, by the server; a wrong page ends it
    std::uint64_t max_rate = 0;                // bytes per second; 0: no limit
};

// What comes, in its order. A Fault ends the backup and is returned as it is.
class BackupStreamVisitor {
public:
    virtual ~BackupStreamVisitor() = default;
    virtual Result<> begin(Lsn start, Timeline timeline) = 0;
    // A tar begins: "<oid>.tar" of a tablespace, "base.tar" of the data directory, which comes last.
    virtual Result<> tar(const std::string& name) = 0;
    // backup_manifest begins.
    virtual Result<> manifest() = 0;
    // Of what began last.
    virtual Result<> content(std::span<const std::byte> piece) = 0;
    // The server warns: a page is wrong, say. May come between any two of the others.
    virtual void warning(const std::string& text) = 0;
};

struct BackupStreamEnd {
    Lsn lsn;
    Timeline timeline{};
};

class BackupStream {
public:
    virtual ~BackupStream() = default;

    using Sink = std::function<Result<>(std::span<const std::byte>)>;

    // Blocks. `parent_manifest` feeds the backup_manifest of the backup that this one builds on; a Fault of it ends the
    // attempt. Success: all was handed to the visitor; the server has not waited for the archive. refused: the server
    // says that it cannot (a wrong page, WAL summaries that are not there). unavailable: no connection, or it was lost.
    // cancelled.
    virtual Result<BackupStreamEnd> incremental(const BackupStreamOrders& orders,
                                                const std::function<Result<>(const Sink&)>& parent_manifest,
                                                BackupStreamVisitor& visitor) = 0;
};

}  // namespace pgbosun
