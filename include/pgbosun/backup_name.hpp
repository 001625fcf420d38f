#pragma once
// What a person may call a backup, and what pgbosun calls it.

#include <string_view>

#include "pgbosun/fault.hpp"

namespace pgbosun {

// "20261121T010203": of that form; whether there is such a moment is not looked at.
bool is_backup_identifier(std::string_view text);

// refused: what Barman or we would take for something else ("latest", what looks like an identifier), or what backup.info
// has no place for. That it is UTF-8 is not looked at.
Result<> check_backup_name(std::string_view name);

}  // namespace pgbosun
