#pragma once
// What `pgbosun-controller status` and its fellows do: ask, show, and wait for the end of what was asked for.

#include <functional>
#include <iosfwd>

#include "app/controller_arguments.hpp"
#include "app/environment_view.hpp"
#include "app/exit_code.hpp"
#include "app/outside.hpp"

namespace pgbosun::app {

struct ControllerConsole {
    std::ostream& out;
    std::ostream& err;
    std::function<void(Duration)> pause;  // between two looks
    const EnvironmentView& environment;
    const Outside& outside;
};

ExitCode show_controller(const ControllerStatusCommand& command, const ControllerConsole& console);
ExitCode carry_out_controller(const ControllerVerbCommand& command, const ControllerConsole& console);

// For people: aligned lines.
std::string controller_status_text(const ControllerStatus& status);

}  // namespace pgbosun::app
