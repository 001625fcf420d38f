#pragma once
#include <string>
#include <vector>

namespace pgbosun::test {

// The paths of what this program has fsynced with success, and none of those that were asked for before. Any thread.
std::vector<std::string> new_synced();

}  // namespace pgbosun::test
