#pragma once
// What a person may call a backup.

#include <string_view>

#include "pgbosun/fault.hpp"

namespace pgbosun {

// refused: what Barman or we would take for something else ("latest", what looks like an identifier), or what backup.info
// has no place for. That it is UTF-8 is not looked at.
Result<> check_backup_name(std::string_view name);

}  // namespace pgbosun
