#pragma once
#include <string>
#include <vector>

namespace pgbosun::test {

// What the program's log would show: the messages alone, in their order.
std::vector<std::string>& logged();
bool has_logged(const std::string& message);

}  // namespace pgbosun::test
