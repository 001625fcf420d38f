#include "app/parameter_trial.hpp"

#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/child_processes.hpp"
#include "pgbosun/descriptor.hpp"
#include "pgbosun/spawn.hpp"
#include "postgres/configuration.hpp"
#include "supervision/tool_run.hpp"

namespace pgbosun::app {
namespace {

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
Task<std::vector<std::string>> refusals(boost::asio::io_context& loop, ProcessHost& processes, std::string program,
                                        std::string configuration) {
    const Descriptor file = in_memory(configuration);
    if (!file) co_return std::vector<std::string>();
    const auto found = std::make_shared<std::vector<std::string>>();
    Command command;
    command.program = std::move(program);
    // Asked for one value, it reads all of them and starts nothing; as root, too.
    for (const char* word :
         {"-C", "server_version", "-c", "data_directory=/", "-c", "hba_file=/dev/null", "-c", "ident_file=/dev/null"}) {
        command.arguments.emplace_back(word);
    }
    command.arguments.push_back("--config-file=" + std::string(path_in_child));
    command.environment.emplace_back("LC_ALL=C");
    command.descriptors.emplace_back(file.get(), number_in_child);
    command.on_line = [found](std::string_view line) {
        const auto begin = line.find(sign);
        if (begin == std::string_view::npos || line.find("parameter \"", begin) == std::string_view::npos) return;
        found->emplace_back(line.substr(begin + sign.size()));
    };
    supervision::ToolRun tool(loop, processes);
    if (!tool.start(std::move(command))) co_return std::vector<std::string>();
    if (!co_await tool.wait(patience)) tool.signal(SIGKILL);
    co_return std::move(*found);
}

// `parameter "NAME"`, as in all of its messages about one.
std::string named_in(std::string_view refusal) {
    constexpr std::string_view before = "parameter \"";
    const auto begin = refusal.find(before) + before.size();
    return std::string(refusal.substr(begin, refusal.find('"', begin) - begin));
}

}  // namespace

Task<std::vector<RefusedParameter>> try_parameters(boost::asio::io_context& loop, ProcessHost& processes,
                                                   Settings settings) {
    std::vector<RefusedParameter> found;
    if (settings.postgresql.bin_dir.empty()) co_return found;
    postgres::ConfigurationFacts facts;
    facts.wal_program = "pgbosun-wal";
    std::set<std::string> told;
    // It looks at values when it knows all names: what it has refused is left out, and it is asked again.
    for (int round = 0; round < most_rounds; ++round) {
        std::string program = settings.postgresql.bin_dir + "/postgres";
        std::string configuration = postgres::pgbosun_conf(settings, facts);
        const auto refused = co_await refusals(loop, processes, std::move(program), std::move(configuration));
        bool again = false;
        for (const auto& refusal : refused) {
            if (!told.insert(refusal).second) continue;
            const auto given = std::ranges::find_if(settings.postgresql.parameters, [&](const auto& it) {
                return ::strcasecmp(it.first.c_str(), named_in(refusal).c_str()) == 0;
            });
            const bool ours = given == settings.postgresql.parameters.end();
            std::string key = ours ? "postgresql" : "postgresql.parameters." + given->first;
            // Where it read that is a file that nobody else has seen.
            std::string what = "PostgreSQL does not take it: " + refusal.substr(0, refusal.find(" in file \""));
            found.push_back({std::move(key), std::move(what)});
            if (ours) continue;
            settings.postgresql.parameters.erase(given);
            again = true;
        }
        if (!again) break;
    }
    co_return found;
}

void judge_parameters(ReadSettings& read) {
    boost::asio::io_context loop;
    host::ChildProcesses processes(loop);
    std::optional<std::vector<RefusedParameter>> found;
    spawn(loop, [](auto& of, auto& with, Settings settings, auto& into) -> Task<> {
        into = co_await try_parameters(of, with, std::move(settings));
    }(loop, processes, read.settings, found));
    while (!found) loop.run_one();
    for (auto& [key, what] : *found) read.add(Severity::error, key, what, parameters_hint);
}

}  // namespace pgbosun::app
