#pragma once
// The backups of a server, as they lie in the store.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/backup_claim.hpp"
#include "backup/backup_id.hpp"
#include "backup/backup_info.hpp"
#include "backup/layout.hpp"
#include "pgbosun/object_store.hpp"

namespace pgbosun::backup {

enum class Keep { none, full, standalone };  // standalone: only what makes the backup itself consistent

struct Backup {
    BackupId id;
    Kind kind = Kind::full;
    // A fault: there is a backup.info that cannot be read (corrupt), or none (not_found: killed, or under
    // way).
    Result<BackupInfo> info;
    Keep keep = Keep::none;
    std::uint64_t stored = 0;                         // bytes of all its objects, as they lie in the store
    std::optional<BackupClaim> claim = std::nullopt;  // while there is no backup.info
    bool over = false;                                // nobody is taking it any more, although there is no backup.info
    // When the store got the last of its objects; none: it does not say.
    std::optional<WallTime> changed_at = std::nullopt;

    [[nodiscard]] bool done() const { return info && info->status == BackupStatus::done; }
    // Of an incremental one, also while it is under way: the backup that it needs.
    [[nodiscard]] std::optional<BackupId> parent() const;
};

// The error of a backup whose removal was begun.
inline constexpr std::string_view being_deleted = "it is being deleted";

// Any thread, one at a time.
class Catalog {
public:
    Catalog(ObjectStore& store, std::string server) : store_(store), server_(std::move(server)) {}

    // Full and incremental ones, oldest first. A backup whose backup.info is damaged is in it, with its
    // Fault. Several requests at a time. unavailable: the store did not answer; never a part of the list.
    Result<std::vector<Backup>> list();
    // not_found: no such identifier or name. refused: two backups have this name. `reference`: an identifier,
    // a backup's name, "latest" or "oldest" (done ones).
    Result<Backup> find(const std::string& reference);
    // All objects of a backup, backup.info included.
    Result<std::vector<ObjectFacts>> objects(const Backup& backup);

    // As it is by now. not_found: it is gone.
    Result<Backup> again(const Backup& backup);
    // Those that began later than this one, oldest first.
    Result<std::vector<Backup>> begun_after(const BackupId& id);

    Result<> set_keep(const Backup& backup, Keep keep);
    // Marks it as failed, so that nobody restores a half of it, then removes the data, then backup.info:
    // killed between, it is still in the list and the next expire removes it. conflict: one that was under way has come
    // to its end meanwhile, or somebody marked it with keep; it is as it was.
    Result<> remove(const Backup& backup);

    [[nodiscard]] const std::string& server() const { return server_; }
    [[nodiscard]] ObjectStore& store() const { return store_; }

private:
    struct Found;
    Result<std::vector<Found>> list_objects(Kind kind, const std::string& below);
    Result<std::vector<Found>> list_both();
    Result<std::vector<Backup>> read(const std::vector<Found>& found);
    Result<Backup> read_one(const Found& found);
    Result<std::string> read_text(const std::string& key, std::size_t limit);
    Result<> mark_as_going(const Backup& backup);
    Result<> replace_info(const Backup& backup, const BackupInfo& info);

    ObjectStore& store_;
    std::string server_;
};

}  // namespace pgbosun::backup
