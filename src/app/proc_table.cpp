#include "app/proc_table.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>

#include "host/stray_processes.hpp"

namespace pgbosun::app {
namespace {

std::string contents(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::int64_t boot_epoch() {
    std::istringstream lines(contents("/proc/stat"));
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("btime ")) return std::stoll(line.substr(6));
    }
    return 0;
}

std::optional<std::string> link(int pid, const char* name) {
    const auto target = host::read_link(pid, name);
    if (target.length == 0) return std::nullopt;
    return std::string(target.view());
}

}  // namespace

std::optional<postgres::ProcessFacts> ProcTable::look(int pid) {
    const std::string stat = contents("/proc/" + std::to_string(pid) + "/stat");
    // The name in parentheses may hold anything; what follows the last of them is made of words (proc_pid_stat(5)).
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) return std::nullopt;
    std::istringstream words(stat.substr(name_end + 1));
    std::string state;
    words >> state;
    std::string skipped;
    for (int field = 4; field < 22; ++field) words >> skipped;
    std::int64_t ticks = 0;
    words >> ticks;
    postgres::ProcessFacts facts;
    if (state == "Z" || state == "X") facts.liveness = postgres::Liveness::zombie;
    if (state == "T" || state == "t") facts.liveness = postgres::Liveness::stopped;
    facts.started_at = boot_epoch() + ticks / ::sysconf(_SC_CLK_TCK);
    if (auto executable = link(pid, "exe")) facts.executable = executable->substr(executable->rfind('/') + 1);
    facts.working_directory = link(pid, "cwd");
    return facts;
}

}  // namespace pgbosun::app
