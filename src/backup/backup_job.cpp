#include "backup/backup_job.hpp"

#include "pgbosun/log.hpp"

namespace pgbosun::backup {
namespace {

constexpr Duration for_answer = std::chrono::seconds(60);

}  // namespace

BackupInfo begin_info(const BackupServer& server, const BackupOrders& orders) {
    BackupInfo info{.name = orders.name,
                    .system_id = server.system_id,
                    .version = server.version,
                    .segment_size = server.segment_size.bytes()};
    info.pgdata = server.data_directory;
    info.config_file = server.config_file;
    info.hba_file = server.hba_file;
    info.ident_file = server.ident_file;
    info.remarks = {{std::string(remark::instance), orders.instance},
                    {std::string(remark::version), PGBOSUN_VERSION},
                    {std::string(remark::taken_from), server.standby ? "standby" : "primary"}};
    return info;
}

void end_primary_segment(const BackupServer& server, const BackupOutside& outside) {
    if (server.primary.empty() || !outside.switch_primary_wal) return;
    const auto asked = outside.switch_primary_wal(server.primary);
    if (asked) return;
    log::warning(
        "The primary could not be asked to end its WAL segment; the backup waits until it does so by itself",
        {{"error", asked.error().text()}, {"hint", "run SELECT pg_switch_wal() there, or set archive_timeout"}});
}

std::string last_archived_wal(const BackupServer& server, ServerSession& session) {
    if (server.standby) return "is known on the primary only";
    // The session is needed no more: without it there is less to say.
    const auto rows = session.query("SELECT last_archived_wal FROM pg_stat_archiver", {}, for_answer);
    const bool known = rows && rows->rows.size() == 1 && rows->rows[0].size() == 1 && rows->rows[0][0];
    return known ? *rows->rows[0][0] : "is not known";
}

}  // namespace pgbosun::backup
