#include "pgbosun/waiting_commits.hpp"

#include <algorithm>

namespace pgbosun {

std::string commits_wait(const std::vector<StandbyStatus>& standbys, int needed) {
    // PostgreSQL says so of who streams, is on its list, and counts.
    const auto connected = std::ranges::count_if(
        standbys, [](const StandbyStatus& it) { return it.sync == "sync" || it.sync == "quorum"; });
    if (connected >= needed) return {};
    if (connected == 0) return "clients wait: no synchronous standby is connected";
    return "clients wait: of " + std::to_string(needed) + " synchronous standbys that are needed only " +
           std::to_string(connected) + (connected == 1 ? " is connected" : " are connected");
}

}  // namespace pgbosun
