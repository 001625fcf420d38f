#pragma once
// Takes an incremental base backup (PostgreSQL 17 on): the server streams what has changed since another backup, whose
// manifest it is given (docs/decisions/0007).

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "backup/backup_job.hpp"
#include "backup/backup_record.hpp"
#include "backup/catalog.hpp"
#include "backup/manifest.hpp"
#include "backup/streamed_tar.hpp"
#include "pgbosun/backup_stream.hpp"

namespace pgbosun::backup {

class IncrementalBackup {
public:
    IncrementalBackup(BackupOrders orders, BackupOutside outside, BackupStream& stream);

    // As BaseBackup::run. refused also: an incremental one is not possible now, and a full one may be.
    Result<BackupInfo> run();

    [[nodiscard]] std::optional<BackupId> id() const { return place_ ? std::optional(place_->id) : std::nullopt; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t stored() const { return stored_; }

private:
    class Visitor;
    Result<> prepare();
    Result<> copy();
    Result<> feed_manifest(const BackupStream::Sink& sink);
    Result<> close(const BackupStreamEnd& end, const std::string& label);
    Result<> wait_for_wal();
    Result<> check_parent();
    Result<> finish();
    Result<Rows> ask(std::string_view sql);
    Result<WallTime> server_time();
    void step(const std::string& step, std::uint64_t done = 0);

    const BackupOrders orders_;
    BackupOutside outside_;
    BackupStream& stream_;
    std::optional<BackupServer> server_;
    std::optional<Backup> parent_;
    std::optional<BackupPlace> place_;
    BackupInfo info_;
    std::vector<WalRange> wal_;
    std::uint64_t bytes_ = 0, stored_ = 0;
};

}  // namespace pgbosun::backup
