#pragma once
// Fact: what is remembered of jobs over a restart of pgbosun and is not in the archive's catalog: a backup
// that failed before it could record so there, and the last drill. Lines "name value" on the volume, for
// status and metrics only.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/job_link.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

struct JobMemory {
    std::optional<WallTime> backup_failed_at;
    std::string backup_error;
    std::optional<WallTime> drill_at;  // of the last one, whatever came of it
    bool drill_ok = false;
    std::string drill_id;  // the backup that it restored
    std::string drill_error;
    std::optional<WallTime> drill_ok_at;  // of the last one that succeeded
    double recovery_s = 0;                // of that one
    bool operator==(const JobMemory&) const = default;
};

// A drill has ended at `at`.
void note_drill(JobMemory& memory, const JobResult& result, WallTime at);
// The same for one that somebody else started. False: it is not newer than what is remembered, and nothing changes.
bool take_drill(JobMemory& memory, const JobResult& result, WallTime at);

inline constexpr std::size_t longest_job_memory = 16384;

std::string render(const JobMemory& memory);
// Lines that it does not know, or that are broken, are passed over.
JobMemory parse_job_memory(std::string_view text);

}  // namespace pgbosun::supervision
