#pragma once
// Moments as Barman, PostgreSQL and people write them.

#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/time.hpp"

namespace pgbosun::backup {

// "2026-11-21 01:41:32.725612+00:00", the fraction left out when it is zero: what Python writes for a time in
// UTC.
std::string to_timestamp(WallTime time);
// "2026-11-21 01:41:32 GMT": what PostgreSQL writes into a manifest.
std::string to_gmt(WallTime time);

// As read_moment(): a date alone is its midnight; without a zone it is UTC.
std::optional<WallTime> parse_timestamp(std::string_view text);

}  // namespace pgbosun::backup
