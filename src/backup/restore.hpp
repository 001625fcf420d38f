#pragma once
// A backup becomes a data directory again; an incremental one, with the backups that it builds on. Blocks; several threads
// of its own; no clock but for the progress.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "backup/backup_files.hpp"
#include "backup/catalog.hpp"
#include "backup/recovery_settings.hpp"
#include "backup/restore_staging.hpp"
#include "backup/restore_target.hpp"
#include "pgbosun/job_link.hpp"

namespace pgbosun::backup {

// What is in the data directory already, and in the tablespaces that it names.
enum class LeftOver { refused, removed };

struct RestoreOrder {
    RestorePlaces places;
    int workers = 4;
    // What PostgreSQL is told; the last lines of postgresql.auto.conf, with recovery.signal beside it.
    RecoveryParameters parameters;
    std::string copy_of;   // the content of restored_copy_file; empty: there is none
    std::string settings;  // of restored_settings_file; empty: there is none
    // About four times a second, on one thread, while something is unpacked. May be empty.
    std::function<void(const JobProgress&)> progress;
    LeftOver left_over = LeftOver::refused;
    // Once, before the first file is written. May be empty.
    std::function<void()> begun{};
};

struct RestoredBackup {
    std::uint64_t bytes = 0;         // of files
    std::uint64_t stored = 0;        // of tars, as they lay in the store
    bool checked = false;            // each file was compared with the manifest
    std::vector<std::string> notes;  // for a person, each one line
};

// In three steps, as the one between runs a program: unpack(), what combination() says, finish(). For one thread at a time.
// On a Fault of any of them nothing is left that the next restore would not remove.
class Restoration {
public:
    // `chain`: from the full backup to the one that is wanted (backup_chain.hpp); one alone is a full one.
    Restoration(Catalog& catalog, std::vector<Backup> chain, const RestoreOrder& order);
    // What was not finished is removed.
    ~Restoration();
    Restoration(const Restoration&) = delete;
    Restoration& operator=(const Restoration&) = delete;

    // corrupt: a backup is damaged. refused: the target is not empty, there is not enough room, a backup is not DONE.
    // cancelled or unavailable: after the store was cancelled.
    Result<> unpack();
    // The program that makes one directory of a chain; none: a full backup alone is one already.
    [[nodiscard]] std::optional<Command> combination(const std::string& bin_dir) const;
    // Success: the directory is whole and durable, and PostgreSQL recovers in it when it is started.
    Result<RestoredBackup> finish();

private:
    [[nodiscard]] bool combines() const { return chain_.size() > 1; }
    [[nodiscard]] const Backup& wanted() const { return chain_.back(); }
    [[nodiscard]] std::uint64_t expected_bytes() const;
    Result<> unpack_one(const Backup& backup, BackupFiles& files);
    Result<> check_label(const Backup& backup);
    Result<> configure();
    Result<> keep_in_place();
    void report(const char* step) const;

    Catalog& catalog_;
    const std::vector<Backup> chain_;
    const RestoreOrder& order_;
    RestoreTarget target_;
    RestoreStaging staging_;
    std::vector<BackupFiles> files_;  // beside the chain
    RestoredBackup restored_;
    std::uint64_t all_stored_ = 0;
    std::atomic<std::uint64_t> stored_ = 0, bytes_ = 0;
    bool combined_ = false, finished_ = false;
};

}  // namespace pgbosun::backup
