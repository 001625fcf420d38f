#pragma once
// Everything outside that the supervision of one instance works with: ports, and facts that never change while
// pgbosun runs. All of it outlives the supervision.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "pgbosun/catalog_summary.hpp"
#include "pgbosun/file_system.hpp"
#include "pgbosun/job_link.hpp"
#include "pgbosun/pg_session.hpp"
#include "pgbosun/postgres_guard.hpp"
#include "pgbosun/process_host.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"
#include "postgres/configuration.hpp"
#include "postgres/postmaster_pid.hpp"

namespace pgbosun::supervision {

// What /proc says of a process that is not ours; it asks no disk.
class ProcessTable {
public:
    virtual ~ProcessTable() = default;
    virtual std::optional<postgres::ProcessFacts> look(int pid) = 0;
};

struct Machine {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::optional<std::string> account;  // name of our uid in passwd; none: it has no entry
    int oom_score = 0;
    int server_major = 0;
    bool syncfs_tells_errors = false;  // of the kernel
    std::string wal_program;           // absolute path of pgbosun-wal
    // The data directory as /proc shows it: links resolved. Known once the volume exists.
    std::string data_directory;
};

using OpenSession = std::function<std::unique_ptr<PgSession>(const std::string& database, const std::string& user)>;

// A session with another instance's server, as the replication user, database postgres. unavailable: its name cannot be
// resolved. It connects with the first query.
using OpenUpstream = std::function<Task<Result<std::unique_ptr<PgSession>>>(std::string conninfo)>;

// The program that backs up and restores, as a child; see supervision/jobs.hpp for its lines.
struct ArchiverProgram {
    // `pgbosun-archiver ARGUMENTS`, with the configuration and its log wired.
    std::function<Command(std::vector<std::string> arguments)> command;
    std::function<Result<JobLine>(std::string_view line)> parse_line;
    std::function<Result<CatalogSummary>(std::string_view line)> parse_summary;
    // What PostgreSQL is told about a recovery: parameters that replace those of the same name.
    std::function<Result<postgres::RecoveryParameters>(const RecoveryTarget& target,
                                                       const std::string& restore_command)>
        recovery_parameters;
};

struct Surroundings {
    boost::asio::io_context& loop;
    const Clock& clock;
    ProcessHost& processes;
    ProcessTable& process_table;
    FileSystem& files;
    FileSystem& mounts;  // for what others mount, such as secrets: one that hangs keeps no fence waiting
    PgSession& session;  // superuser, database postgres
    OpenSession open_session;
    OpenUpstream open_upstream;
    PostgresGuard& guard;
    Machine machine;
    ArchiverProgram archiver;
};

}  // namespace pgbosun::supervision
