#pragma once
#include "app/controller_arguments.hpp"

namespace pgbosun::app {

// `pgbosun-controller run`: the composition root. Returns the exit status.
int run_controller(const RunControllerCommand& command);

}  // namespace pgbosun::app
