#pragma once
// The status for a person at three in the morning: first one line that says how it is and, when it is not
// well, why and what to do; then the figures, aligned.

#include <string>

#include "pgbosun/instance_status.hpp"

namespace pgbosun::app {

enum class Colour { never, always };

std::string status_text(const InstanceStatus& status, Colour colour);

}  // namespace pgbosun::app
