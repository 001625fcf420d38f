#pragma once
// Something one coroutine waits for and a callback announces, once. Control thread.

#include <boost/asio/steady_timer.hpp>

#include "pgbosun/task.hpp"

namespace pgbosun::host {

// Owned by a shared_ptr of its two owners: the waiter and whoever announces.
class Event {
public:
    explicit Event(boost::asio::io_context& loop);

    void announce();
    // False when the waiting coroutine was cancelled first.
    Task<bool> wait();

private:
    boost::asio::steady_timer never_;
    bool announced_ = false;
};

}  // namespace pgbosun::host
