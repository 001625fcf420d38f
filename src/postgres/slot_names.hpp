#pragma once
// Decision: what replication slots are called, and which of them pgbosun leaves alone. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"

namespace pgbosun::postgres {

inline constexpr std::size_t longest_slot_name = 63;  // NAMEDATALEN

// [a-z0-9_], as PostgreSQL wants a slot to be called, no longer than leaves room for an instance's name.
Result<> check_slot_prefix(std::string_view prefix);
// A POSIX extended regular expression.
Result<> check_slot_pattern(const std::string& pattern);

// Of the slot by which `instance` streams from another member.
std::string member_slot(std::string_view prefix, std::string_view instance);

// Patterns match anywhere in the name, as regular expressions do; those that do not compile match nothing.
bool is_excluded(const std::string& slot, const std::vector<std::string>& patterns);

}  // namespace pgbosun::postgres
