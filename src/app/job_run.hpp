#pragma once
// How a job of pgbosun-archiver runs: its blocking work on a thread beside the loop that hears the signals.

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "pgbosun/task.hpp"

namespace pgbosun::app {

// SIGTERM, SIGINT and SIGHUP ask a job to end: `end` is called once, on the loop's thread.
class JobSignals {
public:
    JobSignals(boost::asio::io_context& loop, std::function<void()> end)
        : signals_(loop, SIGTERM, SIGINT, SIGHUP), end_(std::move(end)) {
        std::signal(SIGPIPE, SIG_IGN);
        signals_.async_wait([this](boost::system::error_code error, int) {
            if (error) return;
            asked_ = true;
            end_();
        });
    }
    void ignore() { signals_.cancel(); }
    [[nodiscard]] bool asked() const { return asked_; }

private:
    boost::asio::signal_set signals_;
    const std::function<void()> end_;
    std::atomic<bool> asked_ = false;
};

// Runs `work` on a thread of its own, and the loop until it is done. The thread has ended when this returns.
template <class Work>
auto run_beside(boost::asio::io_context& loop, Work work) {
    std::optional<decltype(work())> answer;
    std::atomic<bool> done = false;
    const auto keep = boost::asio::make_work_guard(loop);
    std::thread thread([&] {
        answer.emplace(work());
        done = true;
        boost::asio::post(loop, [] {});
    });
    loop.restart();
    while (!done) loop.run_one();
    thread.join();
    return std::move(*answer);
}

}  // namespace pgbosun::app
