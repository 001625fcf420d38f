#pragma once
// What was found before: schedules that broke an earlier state of the rules, and for each rule a seed whose
// schedule shows what happens without it.

#include <cstdint>
#include <string>
#include <vector>

#include "sabotage.hpp"

namespace pgbosun::sim {

const std::vector<std::string>& kept_schedules();
std::uint64_t known_seed(Sabotage sabotage);

}  // namespace pgbosun::sim
