#pragma once
// Something that many coroutines wait for at once: "look again". Control thread.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>

#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

class Broadcast {
public:
    explicit Broadcast(boost::asio::io_context& loop) : loop_(loop) {}
    Broadcast(const Broadcast&) = delete;
    Broadcast& operator=(const Broadcast&) = delete;

    // Wakes everybody who waits now.
    void announce();
    // Returns at the next announce(), or after `timeout`. The caller looks for itself which it was.
    Task<> wait(Duration timeout);

private:
    boost::asio::io_context& loop_;
    std::list<boost::asio::steady_timer> waiting_;
};

}  // namespace pgbosun::supervision
