#include "backup/drill_server.hpp"

#include <algorithm>
#include <csignal>

namespace pgbosun::backup {
namespace {

constexpr int oom_raise = 500;  // rather this one than the live instance

std::vector<std::string> own_environment(const DrillServer& server) {
    return {"PATH=" + server.bin_dir + ":/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "PGDATA=" + server.data_directory};
}

// PostgreSQL and libpq read PGPORT, PGOPTIONS, ...; and PG_OOM_ADJUST_VALUE would undo the raised score. An archive's
// secret may be in a variable of any other name.
bool is_for_postgres(std::string_view variable) {
    if (!variable.starts_with("PG") || variable.starts_with("PGBOSUN_")) return false;
    if (variable.starts_with("PG_")) return variable.starts_with("PG_OOM_") || variable.starts_with("PG_GRANDPARENT");
    return true;
}

// restore_command is run by the server, and goes to the archive: with credentials, keys and proxies of the job's.
std::vector<std::string> server_environment(const DrillServer& server) {
    auto variables = own_environment(server);
    const auto own = variables;
    for (const auto& variable : server.environment) {
        const auto name = variable.substr(0, variable.find('=') + 1);
        const bool is_ours = std::ranges::any_of(own, [&](const auto& it) { return it.starts_with(name); });
        if (!is_ours && !is_for_postgres(variable)) variables.push_back(variable);
    }
    return variables;
}

// Of what the primary may keep there is no room beside it. PostgreSQL wants two segments at least.
std::string wal_size(const DrillServer& server, std::uint32_t segments) {
    constexpr std::uint32_t usual_segment = 16 << 20;
    return std::to_string(segments * std::uint64_t{std::max(server.wal_segment_size, usual_segment) >> 20}) + "MB";
}

}  // namespace

Command drill_server_command(const DrillServer& server) {
    const auto& limits = server.limits;
    const std::pair<std::string_view, std::string> parameters[] = {
        {"data_directory", server.data_directory},
        {"hba_file", server.data_directory + "/" + std::string(drill_hba_file)},
        {"listen_addresses", ""},
        {"port", std::to_string(drill_port)},
        {"unix_socket_directories", server.socket_directory},
        {"unix_socket_permissions", "0700"},
        {"external_pid_file", ""},
        // Nobody reads before the end; and what was raised since the backup (max_connections) would pause replay.
        {"hot_standby", "off"},
        {"archive_mode", "off"},
        {"archive_library", ""},
        {"primary_conninfo", ""},
        {"primary_slot_name", ""},
        {"synchronous_standby_names", ""},
        {"shared_preload_libraries", ""},
        {"max_logical_replication_workers", "0"},
        {"autovacuum", "off"},
        {"shared_buffers", server.shared_buffers},
        {"max_wal_size", wal_size(server, 8)},
        {"min_wal_size", wal_size(server, 2)},
        {"wal_keep_size", "0"},
        {"huge_pages", "off"},
        {"maintenance_work_mem", "64MB"},
        {"max_parallel_workers", "2"},
        {"fsync", "off"},
        {"full_page_writes", "off"},
        {"logging_collector", "off"},
        {"log_destination", "stderr"},
        {"log_min_messages", "warning"},
        {"cluster_name", "pgbosun drill"},
        {"ssl", "off"},
        {"max_connections", std::to_string(limits.max_connections)},
        {"max_worker_processes", std::to_string(limits.max_worker_processes)},
        {"max_wal_senders", std::to_string(limits.max_wal_senders)},
        {"max_prepared_transactions", std::to_string(limits.max_prepared_transactions)},
        {"max_locks_per_transaction", std::to_string(limits.max_locks_per_transaction)},
    };
    Command command;
    command.program = server.bin_dir + "/postgres";
    command.arguments = {"-D", server.data_directory};
    for (const auto& [name, value] : parameters) {
        command.arguments.emplace_back("-c");
        command.arguments.push_back(std::string(name) + "=" + value);
    }
    command.environment = server_environment(server);
    command.working_directory = server.data_directory;
    command.death_signal = SIGQUIT;
    command.oom_score_raise = oom_raise;
    return command;
}

Command amcheck_command(const DrillServer& server, const std::string& user) {
    Command command;
    command.program = server.bin_dir + "/pg_amcheck";
    command.arguments = {"--all",  "--install-missing",        "--no-password", "--host", server.socket_directory,
                         "--port", std::to_string(drill_port), "--username",    user};
    command.environment = own_environment(server);
    command.working_directory = server.data_directory;
    command.death_signal = SIGTERM;
    command.oom_score_raise = oom_raise;
    return command;
}

std::uint64_t drill_allowance(const Room& room, std::uint64_t most) {
    const std::uint64_t kept = room.total / 10;
    const std::uint64_t spare = room.free > kept ? room.free - kept : 0;
    return most == 0 ? spare : std::min(most, spare);
}

Result<> check_drill_room(const Room& room, std::uint64_t most, std::uint64_t needed, const std::string& directory) {
    const auto allowed = drill_allowance(room, most);
    if (needed <= allowed) return {};
    return fail(FaultKind::refused,
                "a drill needs " + std::to_string(needed >> 20) + " MB in " + directory + " and may use " +
                    std::to_string(allowed >> 20) + " MB",
                "make room, set drill.directory to a larger file system, or raise drill.max_bytes");
}

}  // namespace pgbosun::backup
