#pragma once
// How long something lasts, and how far a piece of work has come, as a person reads it.

#include <cstdint>
#include <string>
#include <string_view>

#include "pgbosun/time.hpp"

namespace pgbosun::app {

// "12s", "3min 20s", "2h 5min", "4d 3h"
std::string age_text(Duration age);

// "copying: 1.2 GB of 4.0 GB (30 %), 310 MB/s, 9s left", or "waiting for a checkpoint" of what has no bytes. `total`: bytes, 0: not
// known. The rate is the mean since it began; what is not known yet is left out.
std::string work_text(std::string_view what, std::uint64_t done, std::uint64_t total, Duration elapsed);

}  // namespace pgbosun::app
