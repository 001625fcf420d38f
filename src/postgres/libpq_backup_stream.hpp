#pragma once
// Adapter: BackupStream over libpq. Blocks the thread that calls; `stop` is obeyed from any other one.

#include <stop_token>

#include "pgbosun/backup_stream.hpp"
#include "postgres/libpq_session.hpp"

namespace pgbosun::postgres {

class LibpqBackupStream final : public BackupStream {
public:
    // Opens nothing. One connection for each backup.
    LibpqBackupStream(SessionTarget target, std::stop_token stop)
        : target_(std::move(target)), stop_(std::move(stop)) {}

    Result<BackupStreamEnd> incremental(const BackupStreamOrders& orders,
                                        const std::function<Result<>(const Sink&)>& parent_manifest,
                                        BackupStreamVisitor& visitor) override;

private:
    const SessionTarget target_;
    const std::stop_token stop_;
};

// BASE_BACKUP as the server is asked for it.
std::string base_backup_statement(const BackupStreamOrders& orders);

}  // namespace pgbosun::postgres
