#pragma once
// The only way to start, signal and reap a process. One ProcessHost exists in a program, on the
// control thread; it reaps everything that ends below it, adopted orphans included.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pgbosun/fault.hpp"

namespace pgbosun {

struct ExitStatus {
    enum class How { exited, killed };
    How how = How::exited;
    int code = 0;  // exit status, or the signal's number when killed

    [[nodiscard]] bool success() const { return how == How::exited && code == 0; }
    bool operator==(const ExitStatus&) const = default;
};

// "exit status 1", "killed by signal 9 (KILL)"
std::string to_string(ExitStatus status);

// A child of this process that has not been reaped yet. Never made from a number that was read in a file.
enum class ProcessId : int {};

struct Command {
    std::string program;                   // absolute path
    std::vector<std::string> arguments;    // without argv[0]; never a secret
    std::vector<std::string> environment;  // "NAME=value", the whole of it: nothing is inherited
    std::string working_directory = "/";
    // Signal that the kernel sends to the child when we die (prctl PR_SET_PDEATHSIG); 0: none.
    int death_signal = 0;
    // What the child's oom_score_adj becomes, relative to ours: 0 leaves it. (Raising needs no privilege.)
    int oom_score_raise = 0;
    // Duplicated onto the given number in the child; the caller keeps its own descriptor.
    std::vector<std::pair<int, int>> descriptors;  // {ours, number in the child}
    // Each whole line that the child writes to stdout or stderr; called on the control thread. A line longer
    // than 64 KiB arrives in pieces. Without it both go to /dev/null.
    std::function<void(std::string_view line)> on_line;
    // Called once, on the control thread, after the child has been reaped and its output read to the end
    // (or 200 ms later, when a grandchild keeps the pipe open).
    std::function<void(ExitStatus)> on_exit;
    // Called once, within spawn: exec has not come back yet, as on a file system that hangs.
    std::function<void()> on_late;
};

class ProcessHost {
public:
    virtual ~ProcessHost() = default;

    // The child has its own session, default signal dispositions and an empty mask, umask 077, stdin from
    // /dev/null and no inherited descriptor. Success: exec has succeeded (its failure is reported here), or has not come back
    // within a tenth of a second (`on_late`): then the child can be signalled like any other, and should its exec fail in the
    // end, it says so in a line (with `on_line`) and ends with exit status 127.
    virtual Result<ProcessId> spawn(Command command) = 0;

    // not_found: it has been reaped already.
    virtual Result<> signal(ProcessId process, int number) = 0;

    // Sends SIGKILL to every process whose executable is called `postgres` and whose working directory is
    // `data_directory`, whoever its parent is. Answers how many it found: call again until 0.
    virtual std::size_t kill_strays(std::string_view data_directory) = 0;

    // Orphans adopted and reaped so far.
    [[nodiscard]] virtual std::size_t orphans_reaped() const = 0;
};

}  // namespace pgbosun
