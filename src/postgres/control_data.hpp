#pragma once
// Fact: what global/pg_control says. Layouts of PostgreSQL 15 and 16 (pg_control_version 1300), 17 (1700, the same
// bytes) and 18 (1800), as in src/include/catalog/pg_control.h, little endian and 8-byte alignment only.

#include <cstdint>
#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/lsn.hpp"

namespace pgbosun::postgres {

// DBState; the numbers are those of the file.
enum class ClusterState : std::uint32_t {
    starting_up = 0,
    shut_down = 1,
    shut_down_in_recovery = 2,
    shutting_down = 3,
    in_crash_recovery = 4,
    in_archive_recovery = 5,
    in_production = 6,
};

// In the words of pg_controldata.
std::string_view to_string(ClusterState state);

// A standby refuses to start when one of these is smaller than on the primary whose WAL it replays.
struct HotStandbyLimits {
    int max_connections = 0;
    int max_worker_processes = 0;
    int max_wal_senders = 0;
    int max_prepared_transactions = 0;
    int max_locks_per_transaction = 0;
    bool operator==(const HotStandbyLimits&) const = default;
};

struct ControlData {
    SystemId system_id{};
    std::uint32_t control_version = 0;
    std::uint32_t catalog_version = 0;
    ClusterState state{};
    Lsn checkpoint;       // where the last checkpoint record begins
    Lsn redo;             // where replay begins after a crash
    Timeline timeline{};  // of the last checkpoint
    Timeline previous_timeline{};
    std::int64_t checkpoint_time = 0;  // seconds since the epoch
    Lsn min_recovery_point;            // 0/0 on a primary
    Timeline min_recovery_timeline{};
    Lsn backup_start;  // not 0/0: replay of a base backup has not reached its end yet
    Lsn backup_end;
    bool wal_log_hints = false;
    HotStandbyLimits limits;
    std::uint32_t block_size = 0;
    std::uint32_t wal_block_size = 0;
    std::uint32_t wal_segment_size = 0;       // bytes, a power of two from 1 MiB to 1 GiB
    std::uint32_t data_checksum_version = 0;  // 0: pages have no checksums
    bool operator==(const ControlData&) const = default;
};

// What a server of this major version (15 to 18) writes as pg_control_version.
std::uint32_t control_version_of(int server_major);

// The file is 8,192 bytes; only its first 296 matter.
inline constexpr std::size_t control_file_size = 8192;

// corrupt: short, zeroed, a wrong CRC or values that cannot be. refused: whole, but of a version, byte order or
// alignment that this program does not know.
Result<ControlData> parse_control_data(std::string_view bytes);

}  // namespace pgbosun::postgres
