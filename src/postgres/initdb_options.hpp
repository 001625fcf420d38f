#pragma once
// Decision: which further arguments of initdb a user may give, read as initdb's getopt_long reads them.
// Source: src/bin/initdb/initdb.c of PostgreSQL 15 to 18.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/settings.hpp"

namespace pgbosun::postgres {

struct OptionFinding {
    std::string why;
    std::string hint;
};

// None: fine as far as can be told without initdb, which refuses what it does not know.
std::optional<OptionFinding> check_initdb_options(const std::vector<std::string>& options);

// None: initdb of this major version knows the locale that is asked for.
std::optional<OptionFinding> check_initdb_version(const InitdbSettings& initdb, int server_major);

// A server's encoding by any of the names that PostgreSQL knows (src/common/encnames.c); those that only clients may use are
// not among them.
bool is_server_encoding(std::string_view name);

}  // namespace pgbosun::postgres
