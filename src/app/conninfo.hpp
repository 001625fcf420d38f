#pragma once
// libpq connection strings, as far as keeping passwords out of them needs (PostgreSQL manual, "Connection
// Strings").

#include <string>
#include <string_view>

#include "pgbosun/fault.hpp"

namespace pgbosun::app {

// Refused: not `keyword = value` pairs nor a postgres:// URI, or it holds a password, passphrase or SSL key
// password.
Result<> check_conninfo(std::string_view text);

// The same with every secret replaced by "***"; all of it when it cannot be understood.
std::string masked_conninfo(std::string_view text);

}  // namespace pgbosun::app
