#pragma once
// Makes a schedule that shows a violation as short as it can be, leaving out one fault after the other.

#include "world.hpp"

namespace pgbosun::sim {

std::optional<std::string> violation_of(const Schedule& schedule, Sabotage sabotage);
Schedule shrink(Schedule schedule, Sabotage sabotage);
// The last lines of what happened in it.
std::vector<std::string> story(const Schedule& schedule, Sabotage sabotage, std::size_t lines);

}  // namespace pgbosun::sim
