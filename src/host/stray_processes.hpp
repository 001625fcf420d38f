#pragma once
// Processes of a PostgreSQL server found through /proc, for when their postmaster cannot be asked any more. No
// allocation: the guard uses it too.

#include <sys/types.h>

#include <array>
#include <climits>
#include <cstddef>
#include <string_view>

namespace pgbosun::host {

// A text of /proc without allocation: the target of a link.
struct LinkTarget {
    std::array<char, PATH_MAX> text{};
    std::size_t length = 0;  // 0: could not be read
    [[nodiscard]] std::string_view view() const { return {text.data(), length}; }
};

// `name`: "exe" or "cwd". Reads no disk. The mark of a removed file, " (deleted)", is taken off.
LinkTarget read_link(pid_t process, const char* name);

// Is its executable called `postgres`, and its working directory `data_directory` (canonical)?
bool is_server_process(pid_t process, std::string_view data_directory);

struct ProcessFacts {
    pid_t parent = 0;  // 0: no such process
    bool dead = true;  // zombies too: nothing is left to kill
};
ProcessFacts process_facts(pid_t process);

// Calls `visit` with `context` for every process in /proc but this one.
void for_each_process(void (*visit)(pid_t process, void* context), void* context);

// SIGKILL to every server process of that directory. Answers how many it found.
std::size_t kill_server_processes(std::string_view data_directory);

}  // namespace pgbosun::host
