#pragma once
// Decision: may this data directory be used, filled or cleared? Foreign data is never cleared: only a directory
// that a bootstrap of ours was filling, which a marker written durably before it began says.
//
// The marker lives in the state directory, beside the data directory. It is written after the directory was judged
// Empty and removed after the last step of the bootstrap; a kill in between leaves it, and the next start clears.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/file_system.hpp"
#include "postgres/control_data.hpp"

namespace pgbosun::postgres {

enum class BootstrapMarker { absent, present };

struct DataDirectoryFacts {
    std::optional<FileFacts> directory;  // none: nothing is at the path
    std::vector<std::string> entries;
    std::optional<std::string> version_text;  // of PG_VERSION; none: it is not there
    Result<ControlData> control = fail(FaultKind::not_found, "global/pg_control is not there");
    BootstrapMarker marker = BootstrapMarker::absent;
    std::uint32_t our_uid = 0;
};

// Which signal file is there: how PostgreSQL will start.
enum class StartMode { primary, standby, recovery };

// An existing directory may have any mode here: initdb and pg_basebackup set it.
struct Empty {};

struct Usable {
    ControlData control;
    StartMode start = StartMode::primary;
    bool backup_label = false;  // replay begins where the label says, not where pg_control says
    // PostgreSQL refuses any other mode than 0700 and 0750: set this one first.
    std::optional<std::uint32_t> mode_to_set;
};

// Ours and incomplete: may be removed as a whole, then bootstrapped again.
struct Unfinished {};

struct Refused {
    std::string reason;
    std::string hint;
};

using DataDirectoryVerdict = std::variant<Empty, Usable, Unfinished, Refused>;

// `server_major`: 15 to 18, of the binaries that will be started. `lost+found` does not count as an entry.
DataDirectoryVerdict judge(const DataDirectoryFacts& facts, int server_major);

// "17\n" -> 17. Also "9.6\n" -> 9. None: not a version.
std::optional<int> parse_pg_version(std::string_view text);

}  // namespace pgbosun::postgres
