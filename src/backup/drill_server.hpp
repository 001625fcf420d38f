#pragma once
// Decision: how the server of a drill is started, and whether there is room for one. It must not do anything to the
// outside: no network, no archiving, no extension that acts by itself, no subscription that reads from elsewhere.

#include <cstdint>
#include <string>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/process_host.hpp"

namespace pgbosun::backup {

// Recovery refuses smaller ones than the primary had; from pg_control.
struct RecoveryLimits {
    int max_connections = 100;
    int max_worker_processes = 8;
    int max_wal_senders = 10;
    int max_prepared_transactions = 0;
    int max_locks_per_transaction = 64;
};

struct DrillServer {
    std::string bin_dir, data_directory, socket_directory;
    std::string shared_buffers = "32MB";
    RecoveryLimits limits;
    std::uint32_t wal_segment_size = 16 << 20;  // bytes
    std::vector<std::string> environment;       // the job's own, "NAME=value": restore_command needs it
};

// The only user who can connect is the one who can enter the socket's directory.
inline constexpr std::string_view drill_hba = "local all all trust\n";
inline constexpr std::string_view drill_hba_file = "pgbosun_drill_hba.conf";  // below the data directory
inline constexpr int drill_port = 5432;                                       // names the socket

Command drill_server_command(const DrillServer& server);
// pg_amcheck over all databases.
Command amcheck_command(const DrillServer& server, const std::string& user);

struct Room {
    std::uint64_t free = 0, total = 0;  // bytes of the file system
};
// What a drill may use: `most` bytes, or (0) what leaves a tenth of the file system free.
std::uint64_t drill_allowance(const Room& room, std::uint64_t most);
// refused: `needed` bytes are more than that.
Result<> check_drill_room(const Room& room, std::uint64_t most, std::uint64_t needed, const std::string& directory);

}  // namespace pgbosun::backup
