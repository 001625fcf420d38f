// The part of Agent that is about the program `pgbosun-archiver`.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "app/agent.hpp"
#include "app/run.hpp"
#include "archive/link_wire.hpp"
#include "archive/summary_wire.hpp"
#include "backup/recovery_settings.hpp"
#include "host/log_output.hpp"
#include "pgbosun/spawn.hpp"

namespace pgbosun::app {

supervision::ArchiverProgram Agent::archiver_program() const {
    supervision::ArchiverProgram program;
    program.command = [this](std::vector<std::string> arguments) { return archiver_command(std::move(arguments)); };
    program.parse_line = archive::parse_job_line;
    program.parse_summary = archive::parse_summary;
    program.recovery_parameters = [](const RecoveryTarget& target, const std::string& restore_command) {
        return backup::recovery_parameters(target, restore_command, backup::AtTarget::promote);
    };
    return program;
}

// The two archivers have a socket each, and restore_command names the recovery's: which archive answers it
// never depends on when a process was started.
void Agent::follow_recovery(supervision::Recovering recovering) {
    for (const auto& earlier : recovery_archivers_) earlier->stop();
    std::erase_if(recovery_archivers_, [](const auto& process) { return process->over(); });
    if (recovering == supervision::Recovering::no) return;
    auto process = std::make_unique<ArchiverProcess>(
        loop_, processes_, clock_, archiver_command({"recovery-service"}),
        [this](const ArchiveReport& report) { instance_->recovery_reported(report); });
    process->order(last_order_);
    spawn(loop_, process->keep_running());
    recovery_archivers_.push_back(std::move(process));
}

Command Agent::archiver_command(std::vector<std::string> arguments) const {
    Command command;
    command.program = own_directory() + "/pgbosun-archiver";
    command.arguments = std::move(arguments);
    command.arguments.emplace_back("--config");
    command.arguments.push_back(accepted_settings());
    // Whole: object stores take credentials from it.
    for (char** variable = environ; *variable != nullptr; ++variable) command.environment.emplace_back(*variable);
    std::error_code gone;
    const auto here = std::filesystem::current_path(gone);
    command.working_directory = gone ? "/" : here.string();
    command.death_signal = SIGTERM;
    // Its log lines are rendered already.
    command.on_line = [](std::string_view line) { host::log_output::pass_through(std::string(line)); };
    return command;
}

}  // namespace pgbosun::app
