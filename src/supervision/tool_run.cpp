#include "supervision/tool_run.hpp"

#include <utility>

namespace pgbosun::supervision {

ToolRun::ToolRun(boost::asio::io_context& loop, ProcessHost& processes)
    : processes_(processes), state_(new State{{}, {}, Broadcast(loop)}) {}

Result<ProcessId> ToolRun::start(Command command) {
    state_->ended.reset();
    command.on_exit = [state = state_](ExitStatus status) {
        state->process.reset();
        state->ended = status;
        state->changed.announce();
    };
    const auto process = processes_.spawn(std::move(command));
    if (process) state_->process = *process;
    return process;
}

void ToolRun::signal(int number) {
    // not_found: it has ended, and the callback is under way.
    if (state_->process) std::ignore = processes_.signal(*state_->process, number);
}

Task<std::optional<ExitStatus>> ToolRun::wait(Duration timeout) {
    const auto state = state_;
    if (!state->ended) co_await state->changed.wait(timeout);
    co_return state->ended;
}

}  // namespace pgbosun::supervision
