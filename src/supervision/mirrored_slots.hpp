#pragma once
// What is remembered on the volume of the replication slots that a standby has because its primary has them. Control thread.
//
// They go when the primary's do, also in the next life; a slot that somebody made on the standby does not.

#include <string>
#include <vector>

#include "pgbosun/file_system.hpp"
#include "pgbosun/settings.hpp"
#include "pgbosun/task.hpp"

namespace pgbosun::supervision {

// Sorted. A Fault: the volume does not answer.
Task<Result<std::vector<std::string>>> recall_mirrored_slots(FileSystem& files, const Settings& settings);
Task<Result<>> remember_mirrored_slots(FileSystem& files, const Settings& settings, std::vector<std::string> names);

}  // namespace pgbosun::supervision
