#pragma once
// The directories that a restore writes into, and what makes a half restore harmless: the marker
// <target>/pgbosun.restore, which is there before the first file and names every directory written to, and
// global/pg_control, without which PostgreSQL does not start and which comes last.
//
// Killed anywhere, the next restore finds the marker without pg_control, removes what was restored, and begins anew. A
// directory that holds anything else is never touched.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "backup/backup_info.hpp"
#include "pgbosun/descriptor.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::backup {

inline constexpr std::string_view restore_marker = "pgbosun.restore";
inline constexpr std::string_view control_file = "global/pg_control";
// Until everything else is durable.
inline constexpr std::string_view waiting_control_file = "global/pg_control.pgbosun";

// Beside what is restored, while a chain of backups is combined.
inline constexpr std::string_view staging_directory = "pgbosun.chain";

struct RestorePlaces {
    std::string target;                                // absolute: becomes the data directory
    std::map<std::uint32_t, std::string> tablespaces;  // oid -> absolute directory
    std::optional<std::string> wal_directory;          // absolute; none: pg_wal is in the data directory
};

// Where each tablespace goes: by name or oid in `moved`, else where it was. refused: `moved` names one that the backup
// does not have or a path that is not absolute; two go to one place, or one into the target.
Result<RestorePlaces> places_of(const BackupInfo& info, const std::string& target,
                                const std::map<std::string, std::string>& moved);

// A file directly in `directory`. not_found; refused: longer than `limit`.
Result<std::string> read_file_at(int directory, const std::string& name, std::size_t limit);
Result<> write_file_at(int directory, const std::string& name, std::string_view text);  // replaces; fsynced

class RestoreTarget {
public:
    explicit RestoreTarget(RestorePlaces places) : places_(std::move(places)) {}

    // Removes what a restore into this directory, or whoever began to make it a data directory, left there and in the
    // tablespaces that it names. Whoever asks knows that it is of no use.
    Result<> remove_unfinished();
    // Success: all directories are there, empty and ours, and the marker is durable. refused: one holds something, a
    // restored directory that was not started yet included, or there is not room for `bytes`.
    Result<> prepare(const std::string& backup, std::uint64_t bytes);

    // The directories, once prepared. `tablespace` none: the data directory.
    [[nodiscard]] int directory(std::optional<std::uint32_t> tablespace) const;
    [[nodiscard]] const RestorePlaces& places() const { return places_; }

    // A file directly in the data directory. not_found; refused: longer than `limit`.
    Result<std::string> read(const std::string& name, std::size_t limit) const;
    Result<> write(const std::string& name, std::string_view text) const;  // replaces; not durable until complete()
    Result<> remove(const std::string& name) const;                        // success also when there is none

    // The directories that PostgreSQL wants, and the links to the tablespaces.
    Result<> link() const;
    // Makes everything durable, then pg_control appear, then the marker vanish.
    Result<> complete() const;
    // After a Fault: leaves the directories as they were found, as far as that is possible.
    void give_up();

private:
    Result<> prepare_directory(const std::string& path, std::optional<std::uint32_t> tablespace);
    Result<> clear_remains();
    [[nodiscard]] std::string marker_text(const std::string& backup) const;

    RestorePlaces places_;
    std::map<std::optional<std::uint32_t>, Descriptor> open_;
    std::vector<std::string> made_;  // directories that were not there
    bool ours_ = false;              // the marker has been written
};

}  // namespace pgbosun::backup
