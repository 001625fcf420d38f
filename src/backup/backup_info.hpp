#pragma once
// Barman's `backup.info`, written last: what makes a set of tars a backup. Written with the keys that every
// Barman knows (older readers drop a backup, newer ones stop, on an unknown key); what is ours goes into '#'
// lines, which they skip. Read leniently: unknown keys are ignored, any order.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/lsn.hpp"
#include "pgbosun/time.hpp"
#include "wal/segment.hpp"

namespace pgbosun::backup {

struct Tablespace {
    std::string name;
    std::uint32_t oid = 0;
    std::string location;  // absolute, on the server that was backed up
    bool operator==(const Tablespace&) const = default;
};

enum class BackupStatus {
    done,
    failed,
    unfinished,  // any other word: somebody else's backup under way
};

// A position at the edge of a backup.
struct WalPosition {
    Lsn lsn;
    wal::SegmentName segment;
    WallTime time{};
    bool operator==(const WalPosition&) const = default;
};

struct BackupInfo {
    BackupStatus status = BackupStatus::unfinished;
    std::string error;  // of a failed one
    std::optional<std::string> name;
    std::optional<WalPosition> begin, end;  // both are there when it is done
    Timeline timeline{};
    std::optional<SystemId> system_id;      // none in very old ones
    int version = 0;                        // as server_version_num
    std::uint32_t segment_size = 16 << 20;  // bytes
    std::string backup_label;               // the file's text
    std::vector<Tablespace> tablespaces;
    std::string pgdata, config_file, hba_file, ident_file;
    std::vector<std::string> included_files;
    bool snapshots = false;  // of volumes, elsewhere: there are no tars, and we do not restore it
    // Ours, in '#' lines: "# pgbosun.<name>: <value>". Kept as they are.
    std::map<std::string, std::string> remarks;
    bool operator==(const BackupInfo&) const = default;
};

// Names of remarks.
namespace remark {
inline constexpr std::string_view instance = "instance";      // that it was taken from
inline constexpr std::string_view version = "version";        // of pgbosun
inline constexpr std::string_view size = "size";              // bytes of the files
inline constexpr std::string_view stored = "stored";          // bytes of the tars as stored
inline constexpr std::string_view bad_pages = "bad_pages";    // how many; absent: checksums were not checked
inline constexpr std::string_view taken_from = "taken_from";  // primary | standby
inline constexpr std::string_view parent = "parent";          // of an incremental one: the backup it needs
inline constexpr std::string_view failed_at = "failed_at";    // of a failed one: when that was recorded
inline constexpr std::string_view key_id = "key_id";          // it is encrypted with
}  // namespace remark

inline constexpr std::size_t longest_backup_info = std::size_t{16} << 20;  // bytes

// Valid UTF-8 whatever is in it. Text that its format has no place for (line ends in a path, a name, an error
// or a remark) has '?' or a blank there; `snapshots` is not written.
std::string render(const BackupInfo& info);
// corrupt: a key that a done backup needs is missing or malformed; says which. A backup of another status
// needs none.
Result<BackupInfo> parse_backup_info(std::string_view text);

// refused: a name that Barman or we would take for something else ("latest", an identifier), or that
// backup.info has no place for.
Result<> check_backup_name(std::string_view name);

}  // namespace pgbosun::backup
