// The program `pgbosun-controller`: its commands, each in src/app.

#include <cstdio>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "app/controller_arguments.hpp"
#include "app/controller_commands.hpp"
#include "app/controller_run.hpp"
#include "app/posix_outside.hpp"

namespace {

using namespace pgbosun;
using namespace pgbosun::app;

struct Perform {
    const ControllerConsole& console;

    int operator()(const RunControllerCommand& command) const { return run_controller(command); }
    int operator()(const ControllerStatusCommand& command) const {
        return static_cast<int>(show_controller(command, console));
    }
    int operator()(const ControllerVerbCommand& command) const {
        return static_cast<int>(carry_out_controller(command, console));
    }
    int operator()(const VersionCommand&) const {
        std::puts("pgbosun-controller " PGBOSUN_VERSION);
        return 0;
    }
};

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const auto parsed = parse_controller_arguments(arguments);
    if (const auto* end = std::get_if<UsageEnd>(&parsed)) {
        (end->code == ExitCode::done ? std::cout : std::cerr) << end->text;
        return static_cast<int>(end->code);
    }
    const auto environment = process_environment();
    const PosixOutside outside;
    // A client has nothing else to do, and a signal ends it as it ends any program.
    const auto pause = [](Duration duration) { std::this_thread::sleep_for(duration); };
    const ControllerConsole console{std::cout, std::cerr, pause, environment, outside};
    return std::visit(Perform{console}, std::get<AnyControllerCommand>(parsed));
}
