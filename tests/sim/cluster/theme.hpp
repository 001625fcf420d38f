#pragma once
// Schedules that lead to where one rule is needed, for those that chance reaches too rarely.

#include <optional>

#include "fault.hpp"
#include "sabotage.hpp"

namespace pgbosun::sim {

// none: any schedule will do.
std::optional<Schedule> draw_for(Sabotage sabotage, std::uint64_t seed);

}  // namespace pgbosun::sim
