#include "app/parameter_trial.hpp"

#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <csignal>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "host/child_processes.hpp"
#include "pgbosun/descriptor.hpp"
#include "postgres/configuration.hpp"

namespace pgbosun::app {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(10);
constexpr int most_rounds = 4;
constexpr int number_in_child = 3;
constexpr std::string_view path_in_child = "/proc/self/fd/3";
// Of a line about one setting in a file; the FATAL after them only counts them up.
constexpr std::string_view sign = "LOG:  ";

// The file is in memory and only ours: a value may be a secret, and arguments are for everybody to read.
Descriptor in_memory(std::string_view text) {
    Descriptor file(::memfd_create("pgbosun.conf", MFD_CLOEXEC));
    while (file && !text.empty()) {
        const ssize_t count = ::write(file.get(), text.data(), text.size());
        if (count <= 0) return {};
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return file;
}

// What PostgreSQL says of each setting that it does not take, one a line, in its own words.
std::vector<std::string> refusals(const std::string& program, std::string_view configuration) {
    const Descriptor file = in_memory(configuration);
    if (!file) return {};
    std::vector<std::string> found;
    bool ended = false;
    Command command;
    command.program = program;
    // Asked for one value, it reads all of them and starts nothing; as root, too.
    command.arguments = {"-C",
                         "server_version",
                         "--config-file=" + std::string(path_in_child),
                         "-c",
                         "data_directory=/",
                         "-c",
                         "hba_file=/dev/null",
                         "-c",
                         "ident_file=/dev/null"};
    command.environment = {"LC_ALL=C"};
    command.descriptors = {{file.get(), number_in_child}};
    command.on_line = [&found](std::string_view line) {
        const auto begin = line.find(sign);
        if (begin == std::string_view::npos || line.find("parameter \"", begin) == std::string_view::npos) return;
        found.emplace_back(line.substr(begin + sign.size()));
    };
    command.on_exit = [&ended](ExitStatus) { ended = true; };
    boost::asio::io_context loop;
    host::ChildProcesses processes(loop);
    const auto started = processes.spawn(std::move(command));
    if (!started) return {};
    const auto give_up = Clock::now() + patience;
    while (!ended && Clock::now() < give_up) loop.run_one_until(give_up);
    if (!ended) std::ignore = processes.signal(*started, SIGKILL);
    while (!ended) loop.run_one();
    return found;
}

// `parameter "NAME"`, as in all of its messages about one.
std::string named_in(std::string_view refusal) {
    constexpr std::string_view before = "parameter \"";
    const auto begin = refusal.find(before) + before.size();
    return std::string(refusal.substr(begin, refusal.find('"', begin) - begin));
}

}  // namespace

void try_parameters(ReadSettings& read) {
    const auto& directory = read.settings.postgresql.bin_dir;
    if (directory.empty()) return;
    postgres::ConfigurationFacts facts;
    facts.wal_program = "pgbosun-wal";
    Settings rest = read.settings;
    std::set<std::string> told;
    // It looks at values when it knows all names: what it has refused is left out, and it is asked again.
    for (int round = 0; round < most_rounds; ++round) {
        const auto refused = refusals(directory + "/postgres", postgres::pgbosun_conf(rest, facts));
        bool again = false;
        for (const auto& refusal : refused) {
            if (!told.insert(refusal).second) continue;
            const auto given = std::ranges::find_if(rest.postgresql.parameters, [&](const auto& it) {
                return ::strcasecmp(it.first.c_str(), named_in(refusal).c_str()) == 0;
            });
            const bool ours = given == rest.postgresql.parameters.end();
            // Where it read that is a file that nobody else has seen.
            read.add(Severity::error, ours ? "postgresql" : "postgresql.parameters." + given->first,
                     "PostgreSQL does not take it: " + refusal.substr(0, refusal.find(" in file \"")),
                     "the server's documentation has its parameters' names, units and ranges");
            if (ours) continue;
            rest.postgresql.parameters.erase(given);
            again = true;
        }
        if (!again) return;
    }
}

}  // namespace pgbosun::app
