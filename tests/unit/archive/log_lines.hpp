#pragma once
#include <string>
#include <vector>

namespace pgbosun::test {

// The messages of this program's warnings, and none of those that were asked for before. Any thread.
std::vector<std::string> new_warnings();

}  // namespace pgbosun::test
