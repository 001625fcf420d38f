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

// "2026-11-21 01:41:32", with 'T' for the blank, a fraction, and a zone: "Z", "z", "UTC", "GMT", "+02", "+0200",
// "+02:00". A date alone is its midnight; without a zone it is UTC. What is finer than a microsecond is cut
// off. None: anything else, or a moment that does not exist.
std::optional<WallTime> parse_timestamp(std::string_view text);

}  // namespace pgbosun::backup
