#pragma once
#include <optional>
#include <string_view>

namespace pgbosun::app {

// The major version in what `postgres --version` prints: "postgres (PostgreSQL) 17.2 (Debian 17.2-1)", "... 18beta1".
std::optional<int> parse_postgres_version(std::string_view line);

}  // namespace pgbosun::app
