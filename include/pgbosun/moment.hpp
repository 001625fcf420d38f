#pragma once
// Moments as people write them for a recovery.

#include <string>

#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

// "2026-01-30 10:00:00+00", "2026-01-30T10:00:00.5Z", "2026-01-30 10:00:00 UTC": never without its zone, for
// a server would read it in its own. refused: anything else.
Result<WallTime> parse_moment(const std::string& text);

}  // namespace pgbosun
