#pragma once
// The one spawner and reaper of a program, over fork, signalfd(SIGCHLD) and waitid(P_ALL).

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pgbosun/process_host.hpp"
#include "pgbosun/time.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::host {

// A piece of pgbosun itself that runs in a process of its own: forked, not executed.
struct ForkedChild {
    std::string name;                  // as ps shows it, at most 15 bytes
    std::function<int()> body;         // in the child; its answer is the exit status. It must not log.
    std::vector<int> ignored_signals;  // from its first moment; SIGPIPE is one always
    std::vector<int> keep;             // descriptors that stay open in the child; stdout is /dev/null, stderr stays
    int death_signal = 0;              // as in Command
    std::function<void(ExitStatus)> on_exit;  // as in Command
};

enum class OutputFlow { read, held };

class ChildProcesses final : public ProcessHost {
public:
    // The program must have one thread. Blocks SIGCHLD; becomes subreaper when it is not PID 1.
    explicit ChildProcesses(boost::asio::io_context& loop);
    // Children that live are left alone; their callbacks are not called any more.
    ~ChildProcesses() override;

    Result<ProcessId> spawn(Command command) override;
    // Does not allocate while the process lives.
    Result<> signal(ProcessId process, int number) override;
    // `data_directory` must be canonical, as /proc shows it; no disk is asked.
    std::size_t kill_strays(std::string_view data_directory) override;
    [[nodiscard]] std::size_t orphans_reaped() const override;

    Result<ProcessId> fork_child(ForkedChild child);

    // No process can be made, since then: out of process numbers or memory. None: the last one could.
    struct Shortage {
        Instant since{};
        std::string why;
    };
    [[nodiscard]] const std::optional<Shortage>& shortage() const;

    // While held nothing is read from children, so that they wait in write(2) once their pipe is full. What a
    // child that ended has left in its pipe (64 KiB at most) is delivered all the same.
    void set_output(OutputFlow flow);

private:
    struct Child;
    struct State;
    std::shared_ptr<State> state_;  // shared with a reaping that is posted
};

}  // namespace pgbosun::host
