#pragma once
// Decision: whether commits wait for synchronous standbys that are not there, from what a primary sees of its standbys.

#include <string>
#include <vector>

#include "pgbosun/instance_status.hpp"

namespace pgbosun {

// `needed`: how many have to confirm each commit; 0: none. Empty: enough of them stream.
std::string commits_wait(const std::vector<StandbyStatus>& standbys, int needed);

}  // namespace pgbosun
