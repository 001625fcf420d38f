#pragma once
// One of PostgreSQL's tools, or a postmaster that is only needed for a while, as something a coroutine waits for.

#include <memory>
#include <optional>

#include "pgbosun/process_host.hpp"
#include "supervision/broadcast.hpp"

namespace pgbosun::supervision {

class ToolRun {
public:
    ToolRun(boost::asio::io_context& loop, ProcessHost& processes);

    // At most one process at a time.
    Result<ProcessId> start(Command command);
    [[nodiscard]] bool running() const { return state_->process.has_value(); }
    void signal(int number);
    // Nothing: still running after `timeout`.
    Task<std::optional<ExitStatus>> wait(Duration timeout);

private:
    struct State {
        std::optional<ProcessId> process;
        std::optional<ExitStatus> ended;
        Broadcast changed;
    };
    ProcessHost& processes_;
    std::shared_ptr<State> state_;  // shared with the reaper's callback
};

}  // namespace pgbosun::supervision
