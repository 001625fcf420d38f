#pragma once
// Beside a restore's target: the backups of a chain, each unpacked for itself, and what pg_combinebackup makes of them.
// Each lies on the file system that it is for, so that the result is moved and not copied. The marker of the target covers
// it: what a killed restore left is removed by the next one.

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "pgbosun/descriptor.hpp"
#include "backup/backup_chain.hpp"
#include "backup/restore_target.hpp"
#include "pgbosun/process_host.hpp"

namespace pgbosun::backup {

class RestoreStaging {
public:
    // `target` is prepared, and outlives it.
    explicit RestoreStaging(const RestoreTarget& target) : target_(target) {}

    // Makes the directories of one backup of the chain.
    Result<> prepare(const Backup& backup);
    // Where its files go; `tablespace` none: the data directory.
    [[nodiscard]] int directory(const Backup& backup, std::optional<std::uint32_t> tablespace) const;
    // A file directly in its data directory.
    Result<std::string> read(const Backup& backup, const std::string& name, std::size_t limit) const;
    Result<> write(const Backup& backup, const std::string& name, std::string_view text) const;

    // What makes one of them. on_line and on_exit are the caller's.
    [[nodiscard]] Command combination(const std::vector<Backup>& chain, const std::string& bin_dir) const;
    // Moves what it made into the target, pg_control under its waiting name, and removes all else.
    Result<> adopt() const;

private:
    using Key = std::pair<BackupId, std::optional<std::uint32_t>>;
    [[nodiscard]] std::string path(const Backup& backup, std::optional<std::uint32_t> tablespace) const;

    const RestoreTarget& target_;
    std::map<Key, Descriptor> open_;
};

}  // namespace pgbosun::backup
