#include "app/parameter_trial.hpp"

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <csignal>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "host/child_processes.hpp"

namespace pgbosun::app {
namespace {

using Clock = std::chrono::steady_clock;

// PostgreSQL's own words; empty: it takes them all.
std::string refusal(const std::string& program, const std::map<std::string, std::string>& parameters,
                    Clock::time_point give_up) {
    std::string why;
    bool ended = false;
    Command command;
    command.program = program;
    // Asked for one value, it reads all of them and starts nothing; as root, too.
    command.arguments = {"-C", "server_version", "--config-file=/dev/null", "-c", "data_directory=/",
                         "-c", "hba_file=/dev/null", "-c", "ident_file=/dev/null"};
    for (const auto& [name, value] : parameters) {
        command.arguments.emplace_back("-c");
        command.arguments.push_back(name);
        command.arguments.back().append("=").append(value);
    }
    command.environment = {"LC_ALL=C"};
    command.on_line = [&why](std::string_view line) {
        constexpr std::string_view sign = "FATAL:  ";
        const auto begin = line.find(sign);
        if (why.empty() && begin != std::string_view::npos) why = line.substr(begin + sign.size());
    };
    command.on_exit = [&ended](ExitStatus) { ended = true; };
    boost::asio::io_context loop;
    host::ChildProcesses processes(loop);
    const auto started = processes.spawn(std::move(command));
    if (!started) return {};
    while (!ended && Clock::now() < give_up) loop.run_one_until(give_up);
    if (!ended) std::ignore = processes.signal(*started, SIGKILL);
    while (!ended) loop.run_one();
    return why;
}

}  // namespace

void try_parameters(ReadSettings& read) {
    const auto& directory = read.settings.postgresql.bin_dir;
    const auto parameters = read.settings.postgresql.parameters;
    if (directory.empty() || parameters.empty()) return;
    const std::string program = directory + "/postgres";
    const auto give_up = Clock::now() + std::chrono::seconds(10);
    if (refusal(program, parameters, give_up).empty()) return;
    // It stops at the first: each is asked for alone.
    for (const auto& [name, value] : parameters) {
        auto why = refusal(program, {{name, value}}, give_up);
        if (why.empty()) continue;
        read.add(Severity::error, "postgresql.parameters." + name, "PostgreSQL does not take it: " + why,
                 "the server's documentation has its parameters' names, units and ranges");
    }
}

}  // namespace pgbosun::app
