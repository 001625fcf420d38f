#pragma once
// Takes one base backup: pg_backup_start, copy, pg_backup_stop, wait for its WAL, backup.info last.

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "backup/backup_id.hpp"
#include "backup/backup_info.hpp"
#include "backup/backup_job.hpp"
#include "backup/backup_lock.hpp"
#include "backup/backup_record.hpp"
#include "backup/backup_sql.hpp"
#include "backup/manifest.hpp"
#include "backup/page_survey.hpp"
#include "backup/server_session.hpp"
#include "backup/small_file.hpp"
#include "backup/tar_copy.hpp"

namespace pgbosun::backup {

class BaseBackup {
public:
    BaseBackup(BackupOrders orders, BackupOutside outside);

    // Success: the backup is in the archive, with all that it needs. conflict: one is being taken already.
    // Any other Fault: it is recorded as FAILED as far as that was possible, and its data is removed.
    Result<BackupInfo> run();

    // Once it has one.
    [[nodiscard]] std::optional<BackupId> id() const { return place_ ? std::optional(place_->id) : std::nullopt; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t stored() const { return stored_; }
    [[nodiscard]] std::uint64_t bad_pages() const { return survey_.count(); }

private:
    [[nodiscard]] bool checks_pages() const;
    Result<> prepare();
    Result<> choose_id();
    Result<> start();
    Result<> list_files();
    Result<> copy();
    Result<> copy_tars(UploadPool& pool);
    Result<> still_in_backup(std::uint64_t bytes_read);
    Result<> stop(UploadPool& pool);
    Result<> write_last_tar(UploadPool& pool, std::vector<SmallFile> files);
    Result<std::vector<SmallFile>> outside_configuration() const;
    Result<> judge_pages();
    Result<> write_manifest();
    Result<> wait_for_wal();
    Result<> finish();

    Result<Rows> ask(std::string_view sql, std::vector<Field> parameters = {});
    void step(const std::string& step, std::uint64_t done = 0);

    const BackupOrders orders_;
    BackupOutside outside_;
    std::optional<BackupServer> server_;
    std::optional<BackupPlace> place_;
    std::vector<BackupRoot> roots_;
    TarPlan plan_;
    PageSurvey survey_;
    BackupInfo info_;
    std::vector<WalRange> wal_;
    std::vector<SmallFile> small_files_;             // in the last tar, for the manifest
    std::uint64_t bytes_ = 0, stored_ = 0;           // of the files; as stored
    std::chrono::steady_clock::time_point asked_{};  // when the session was last seen alive
};

}  // namespace pgbosun::backup
