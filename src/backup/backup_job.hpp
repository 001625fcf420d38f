#pragma once
// What every job that takes a backup is told, and how it reaches the outside.

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "backup/backup_info.hpp"
#include "backup/backup_sql.hpp"
#include "backup/server_session.hpp"
#include "pgbosun/job_link.hpp"
#include "pgbosun/object_store.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::backup {

// Of a tar, as it is uploaded: what is smaller is one object at once. Bytes.
inline constexpr std::uint64_t usual_part = std::uint64_t{8} << 20;

struct BackupOrders {
    std::string server;    // name in the archive
    std::string instance;  // that it is taken from
    std::optional<std::string> name;
    DataArchiveSettings data;
    std::string state_directory;                    // has the lock
    Duration wal_deadline = std::chrono::hours(1);  // from the end of copying until its WAL is archived
    std::uint64_t least_part = usual_part;          // smallest_part, or more
};

// The outside of a backup; all of it outlives it.
struct BackupOutside {
    ObjectStore& data;     // for what is large; is cancelled when it is to stop
    ObjectStore& records;  // the same store by another way: what must be written even then
    ServerSession& session;
    std::stop_token stop;
    std::function<void(const JobProgress&)> report;
    // Has the primary at this conninfo end its WAL segment. A Fault: it could not be asked, or may not be.
    std::function<Result<>(const std::string& conninfo)> switch_primary_wal;
};

// What is known of a backup when it begins.
BackupInfo begin_info(const BackupServer& server, const BackupOrders& orders);

// A standby cannot end the segment that its backup's end is in: the primary does, now or by archive_timeout.
void end_primary_segment(const BackupServer& server, const BackupOutside& outside);

// For a person.
std::string last_archived_wal(const BackupServer& server, ServerSession& session);

}  // namespace pgbosun::backup
