#pragma once
// Decision: how PostgreSQL's own programs are called. The commands are complete but for on_line and on_exit. No
// secret is in arguments or environment: passwords are in files, and only their paths are named.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/process_host.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::postgres {

// While the bootstrap's SQL runs nobody else may connect.
enum class Reach { network, local_only };

struct PostgresLaunch {
    Reach reach = Reach::network;
    std::optional<int> stale_pid;  // of StaleLock
    int own_oom_score = 0;         // /proc/self/oom_score_adj
};
// The working directory is the data directory; SIGKILL when its parent dies.
Command postgres_command(const Settings& settings, const PostgresLaunch& launch);

// initdb looks its own uid up in passwd and fails without an entry (OpenShift's random uids). nss_wrapper answers
// instead, from these two files, for this one process.
struct NssWrapper {
    std::string passwd_path;
    std::string group_path;
    std::string library = "libnss_wrapper.so";
};
struct AccountFiles {
    std::string passwd;
    std::string group;
};
AccountFiles account_files(std::uint32_t uid, std::uint32_t gid);
std::vector<std::string> nss_wrapper_environment(const NssWrapper& wrapper);

struct InitdbLaunch {
    int server_major = 0;
    std::optional<NssWrapper> nss_wrapper;
};
Command initdb_command(const Settings& settings, const InitdbLaunch& launch);

struct BaseBackupLaunch {
    std::string conninfo;  // rendered, without password
    std::string passfile;  // empty: none
    std::string max_rate;  // empty: none
    std::optional<NssWrapper> nss_wrapper;
};
Command base_backup_command(const Settings& settings, const BaseBackupLaunch& launch);

struct RewindLaunch {
    std::string conninfo;          // of the new primary: rendered, without password
    std::string passfile;          // empty: none
    std::optional<int> stale_pid;  // of StaleLock
    std::string config_file;       // rewind_conf
};
// Finishes crash recovery first, where that is due; fetches what WAL it lacks from the archive, when there is one.
Command rewind_command(const Settings& settings, const RewindLaunch& launch);

// <wal_dir>/pg_wal: the volume's own directory may hold lost+found. None: pg_wal is in the data directory.
std::optional<std::string> wal_directory(const Settings& settings);

struct BaseBackupProgress {
    std::uint64_t done_bytes = 0;
    std::uint64_t total_bytes = 0;  // an estimate; done may pass it
    bool operator==(const BaseBackupProgress&) const = default;
};
// " 123456/234567 kB (52%), 0/1 tablespace (/path)". None: another line, for the log.
std::optional<BaseBackupProgress> parse_base_backup_progress(std::string_view line);

}  // namespace pgbosun::postgres
