#pragma once
// What every job does with its own process.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <stop_token>
#include <thread>

namespace pgbosun::app {

// SIGTERM and SIGINT ask the job to stop, from the making of this on; SIGPIPE and SIGHUP do nothing. One in a
// process.
class StopOnSignal {
public:
    StopOnSignal();
    ~StopOnSignal();
    StopOnSignal(const StopOnSignal&) = delete;
    StopOnSignal& operator=(const StopOnSignal&) = delete;

    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

private:
    std::stop_source stop_;
    boost::asio::io_context io_{1};
    boost::asio::signal_set signals_;
    std::jthread thread_;
};

// Behind PostgreSQL: processor and disk are left to it when both are wanted. What the kernel does not allow
// is left.
void lower_priority();

}  // namespace pgbosun::app
