#pragma once
// PostgreSQL's backup_manifest (manual: "Backup Manifest Format"), so that pg_verifybackup, incremental
// backups and our own verification read the same facts. It is an object of its own beside the tars, which
// Barman ignores. A database may have millions of files: entries are rendered and read one after the other.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/sha256.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/lsn.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::backup {

struct ManifestFile {
    std::string path;  // relative to the data directory; of tablespaces "pg_tblspc/<oid>/PG_..."
    std::uint64_t size = 0;
    WallTime modified{};
    std::optional<std::uint32_t> crc32c;  // none: the manifest has another algorithm, or none
    bool operator==(const ManifestFile&) const = default;
};

struct WalRange {
    Timeline timeline{};
    Lsn start, end;
    bool operator==(const WalRange&) const = default;
};

struct Manifest {
    int version = 1;  // 2 from PostgreSQL 17 on, with the system identifier
    std::optional<SystemId> system_id;
    std::vector<ManifestFile> files;
    std::vector<WalRange> wal_ranges;
    bool operator==(const Manifest&) const = default;
};

// Renders a manifest piece by piece, as PostgreSQL does: with its Manifest-Checksum (SHA-256 of all before
// it) as the last line, and CRC32C (its four bytes, lowest first) as the files' algorithm. Its memory does
// not grow with the files.
class ManifestWriter {
public:
    // A Fault that the sink returns is returned as it is; nothing may follow it but destruction.
    using Sink = std::function<Result<>(std::string_view piece)>;

    // `system_id` is needed for version 2 and left out in version 1.
    ManifestWriter(int version, std::optional<SystemId> system_id, Sink sink);

    Result<> add(const ManifestFile& file);
    // After the last file.
    Result<> finish(const std::vector<WalRange>& wal_ranges);

private:
    Result<> write(std::string_view piece);

    Sink sink_;
    Sha256 digest_;
    std::string head_;  // what is to come before the first file
    bool first_ = true;
};

std::string render(const Manifest& manifest);
// corrupt: no such JSON, the manifest's own checksum is wrong, or a file is named twice or lies outside.
Result<Manifest> parse_manifest(std::string_view text);

inline constexpr std::size_t longest_manifest = std::size_t{2} << 30;  // bytes

}  // namespace pgbosun::backup
