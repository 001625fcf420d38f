#pragma once
// One alarm on the boot clock: it fires also when the moment passed while the machine slept.

#include <functional>
#include <memory>

#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace boost::asio {
class io_context;
}

namespace pgbosun::host {

class Event;
class Readable;

// Control thread. Serves one waiter or one callback at a time: a later arm() takes the place of the earlier.
class BootTimer {
public:
    // Throws std::system_error when there is no descriptor left.
    explicit BootTimer(boost::asio::io_context& loop);
    ~BootTimer();
    BootTimer(const BootTimer&) = delete;
    BootTimer& operator=(const BootTimer&) = delete;

    // Calls back once at `moment`, or soon when it has passed already; never from within arm().
    void arm(Instant moment, std::function<void()> callback);
    void disarm();

    // True at `moment`; false when cancel(), another arm(), the end of the timer or the cancellation of the
    // coroutine came first.
    Task<bool> wait_until(Instant moment);
    void cancel();

private:
    void fired();

    boost::asio::io_context& loop_;
    std::unique_ptr<Readable> alarm_;
    std::function<void()> callback_;
    struct Waiter;
    std::shared_ptr<Waiter> waiter_;  // shared with the coroutine in wait_until
};

}  // namespace pgbosun::host
