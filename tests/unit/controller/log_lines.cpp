#include "log_lines.hpp"

#include <algorithm>

#include "pgbosun/log.hpp"

namespace pgbosun {

std::vector<std::string>& test::logged() {
    static std::vector<std::string> lines;
    return lines;
}

bool test::has_logged(const std::string& message) { return std::ranges::count(logged(), message) == 1; }

void log::write(Level, std::string_view message, std::initializer_list<Field>) { test::logged().emplace_back(message); }

}  // namespace pgbosun
