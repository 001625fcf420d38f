#include "supervision/job_process.hpp"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "pgbosun/spawn.hpp"
#include "supervision/broadcast.hpp"

namespace pgbosun::supervision {
namespace {

using Socket = boost::asio::local::stream_protocol::socket;

// A grandchild may hold the job's output open after it has ended.
constexpr Duration last_lines = std::chrono::seconds(1);

}  // namespace

struct JobProcess::State {
    State(boost::asio::io_context& context, ProcessHost& host, std::size_t longest)
        : loop(context), processes(host), longest_line(longest), changed(context), output(context) {}

    boost::asio::io_context& loop;
    ProcessHost& processes;
    std::size_t longest_line;
    Broadcast changed;
    Socket output;
    std::function<void(std::string_view)> on_report;
    std::optional<ProcessId> process;
    std::optional<ExitStatus> ended;
    bool reading = false;
};

namespace {

template <class State>
Task<> read_lines(std::shared_ptr<State> state) {
    std::string buffer;
    for (;;) {
        auto input = boost::asio::dynamic_buffer(buffer, state->longest_line);
        constexpr auto quietly = boost::asio::as_tuple(boost::asio::use_awaitable);
        const auto [error, size] = co_await boost::asio::async_read_until(state->output, input, '\n', quietly);
        if (error) break;
        const std::string line = buffer.substr(0, size - 1);
        buffer.erase(0, size);
        state->on_report(line);
    }
    boost::system::error_code ignored;
    state->output.close(ignored);
    state->reading = false;
    state->changed.announce();
}

}  // namespace

JobProcess::JobProcess(boost::asio::io_context& loop, ProcessHost& processes, std::size_t longest_line)
    : state_(std::make_shared<State>(loop, processes, longest_line)) {}

JobProcess::~JobProcess() {
    boost::system::error_code ignored;
    state_->on_report = [](std::string_view) {};
    state_->output.close(ignored);
}

Result<> JobProcess::start(Command command, std::function<void(std::string_view line)> on_report) {
    Socket theirs(state_->loop);
    boost::system::error_code error;
    boost::asio::local::connect_pair(state_->output, theirs, error);
    if (error) return fail(FaultKind::unavailable, "no socket for a job: " + error.message());
    // The child writes with blocking calls.
    theirs.native_non_blocking(false);
    command.descriptors.emplace_back(theirs.native_handle(), STDOUT_FILENO);
    command.on_exit = [state = state_](ExitStatus status) {
        state->process.reset();
        state->ended = status;
        state->changed.announce();
    };
    state_->on_report = std::move(on_report);
    const auto process = state_->processes.spawn(std::move(command));
    if (!process) {
        state_->output.close(error);
        return std::unexpected(process.error());
    }
    state_->process = *process;
    state_->reading = true;
    spawn(state_->loop, read_lines(state_));
    return {};
}

bool JobProcess::running() const { return state_->process.has_value(); }

void JobProcess::signal(int number) {
    // not_found: it has ended, and the callback is under way.
    if (state_->process) std::ignore = state_->processes.signal(*state_->process, number);
}

Task<std::optional<ExitStatus>> JobProcess::wait(Duration timeout) {
    // Woken by the end of the process and by the end of its output, in either order.
    using SteadyClock = std::chrono::steady_clock;
    const auto state = state_;
    const auto give_up = SteadyClock::now() + timeout;
    for (auto now = SteadyClock::now(); !state->ended && now < give_up; now = SteadyClock::now()) {
        co_await state->changed.wait(give_up - now);
    }
    if (!state->ended) co_return std::nullopt;
    if (state->reading) co_await state->changed.wait(last_lines);
    co_return state->ended;
}

}  // namespace pgbosun::supervision
