#pragma once
// Fact: what a server says of itself to somebody who backs it up, and the statements that ask. PostgreSQL 15
// to 18, as a superuser or with pg_monitor and the right to call the functions.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backup/backup_info.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/lsn.hpp"
#include "pgbosun/pg_session.hpp"
#include "pgbosun/time.hpp"
#include "wal/segment.hpp"

namespace pgbosun::backup {

struct BackupServer {
    int version = 0;  // server_version_num
    SystemId system_id{};
    bool standby = false;
    bool archiving = false;  // archive_mode is not off
    bool checksums = false;
    bool summarizing = false;  // summarize_wal, from 17 on
    wal::SegmentSize segment_size;
    std::uint32_t block_size = 0;         // bytes
    std::uint32_t pages_per_segment = 0;  // of a relation's segment file
    std::string data_directory, config_file, hba_file, ident_file;
    std::string version_directory;  // of tablespaces: "PG_17_202406281"
    std::string primary;            // conninfo of a standby's primary; empty: none
    std::string backend;            // pid of the session
    Timeline timeline{};            // of its last checkpoint
};
extern const std::string_view server_sql;
// corrupt: not what server_sql returns; the same for all that follow.
Result<BackupServer> parse_server(const Rows& rows);

extern const std::string_view tablespaces_sql;
// Without the two that are in the data directory. A location that is relative is in the data directory too
// (allow_in_place_tablespaces) and left out.
Result<std::vector<Tablespace>> parse_tablespaces(const Rows& rows);

// Parameters: the label; "true" for an immediate checkpoint.
extern const std::string_view start_sql;
struct BackupStart {
    Lsn lsn;
    WallTime time{};
};
Result<BackupStart> parse_start(const Rows& rows);

// The server's clock.
extern const std::string_view time_sql;
Result<WallTime> parse_time(const Rows& rows);

extern const std::string_view stop_sql;
struct BackupStop {
    Lsn lsn;
    WallTime time{};
    std::string label;    // the file's text
    Timeline timeline{};  // at the end; a standby's may have changed since the start
};
Result<BackupStop> parse_stop(const Rows& rows);

}  // namespace pgbosun::backup
