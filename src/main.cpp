// The program `pgbosun`: its commands, each in src/app.

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "app/arguments.hpp"
#include "app/client_commands.hpp"
#include "app/client_target.hpp"
#include "app/config_check.hpp"
#include "app/configuration.hpp"
#include "app/http_instance_client.hpp"
#include "app/parameter_trial.hpp"
#include "app/posix_outside.hpp"
#include "app/query_files.hpp"
#include "app/run.hpp"

namespace {

using namespace pgbosun;
using namespace pgbosun::app;

Console console(const EnvironmentView& environment) {
    Console result{std::cout, std::cerr};
    result.out_screen = ::isatty(STDOUT_FILENO) ? Screen::terminal : Screen::plain;
    result.err_screen = ::isatty(STDERR_FILENO) ? Screen::terminal : Screen::plain;
    result.colour = colour_for(result.out_screen, environment);
    // A client has nothing else to do, and a signal ends it as it ends any program.
    result.pause = [](Duration duration) {
        std::this_thread::sleep_for(duration);
        return true;
    };
    return result;
}

volatile std::sig_atomic_t interrupted_by = 0;

void note_signal(int signal) { interrupted_by = signal; }

// A signal then ends the pause, and the command can say what goes on without it. A second one ends the process, also while
// an answer is waited for.
void end_pauses_on_signals(Console& console) {
    struct sigaction action{};
    action.sa_handler = note_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    for (const int signal : {SIGINT, SIGTERM}) ::sigaction(signal, &action, nullptr);
    console.pause = [](Duration duration) {
        const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
        if (interrupted_by == 0) ::poll(nullptr, 0, static_cast<int>(wait.count()));
        return interrupted_by == 0;
    };
    console.interruption = [] { return interrupted_by == SIGTERM ? ExitCode::terminated : ExitCode::interrupted; };
}

template <class Command>
ExitCode ask(const Command& command, ExitCode (*carry)(const Command&, InstanceClient&, const Console&)) {
    const auto environment = process_environment();
    auto screen = console(environment);
    if constexpr (std::is_same_v<Command, BackupCommand>) end_pauses_on_signals(screen);
    auto target = choose_target(command.where, environment, PosixOutside());
    if (!target) return report(target.error(), screen);
    auto client = connect_instance(*target);
    if (!client) return report(client.error(), screen);
    return carry(command, **client, screen);
}

int become_archiver(const std::vector<std::string>& arguments) {
    const std::string program = own_directory() + "/pgbosun-archiver";
    std::vector<char*> words{const_cast<char*>(program.c_str())};
    for (const auto& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
    words.push_back(nullptr);
    ::execv(program.c_str(), words.data());
    std::perror(program.c_str());
    return static_cast<int>(ExitCode::failed);
}

struct Perform {
    int operator()(const RunCommand& command) const { return run(command); }
    int operator()(const ConfigCheckCommand& command) const {
        const auto environment = process_environment();
        const PosixOutside outside;
        auto read =
            load_settings(configuration_file(command.config, environment), environment, outside, object_to_parameter);
        check_outside(read, environment, outside);
        check_query_files(read, outside);
        judge_parameters(read);
        return static_cast<int>(print_check(read, std::cout));
    }
    int operator()(const StatusCommand& command) const { return static_cast<int>(ask(command, show_status)); }
    int operator()(const ControlCommand& command) const { return static_cast<int>(ask(command, carry_out)); }
    int operator()(const JournalCommand& command) const { return static_cast<int>(ask(command, show_journal)); }
    int operator()(const BackupCommand& command) const { return static_cast<int>(ask(command, take_backup)); }
    int operator()(const CancelBackupCommand& command) const { return static_cast<int>(ask(command, cancel_backup)); }
    int operator()(const VersionCommand&) const {
        std::puts("pgbosun " PGBOSUN_VERSION);
        return 0;
    }
    // The archiver is a program of its own, so that PID 1 maps neither libcurl nor the compressors.
    int operator()(const ArchiverCommand& command) const {
        return command.config ? become_archiver({"--config", *command.config}) : become_archiver({});
    }
    int operator()(const StoreCommand& command) const { return become_archiver(command.arguments); }
};

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const auto parsed = parse_arguments(arguments);
    if (const auto* end = std::get_if<UsageEnd>(&parsed)) {
        (end->code == ExitCode::done ? std::cout : std::cerr) << end->text;
        return static_cast<int>(end->code);
    }
    return std::visit(Perform{}, std::get<AnyCommand>(parsed));
}
