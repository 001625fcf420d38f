#pragma once
// Something that many coroutines wait for at once: "look again". Control thread.

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>

#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::supervision {

class Broadcast {
public:
    explicit Broadcast(boost::asio::io_context& loop) : loop_(loop) {}
    // Who waits is left waiting, and is freed with the loop.
    ~Broadcast() = default;
    Broadcast(const Broadcast&) = delete;
    Broadcast& operator=(const Broadcast&) = delete;

    // Wakes everybody who waits now.
    void announce();
    // Returns at the next announce(), or after `timeout`. The caller looks for itself which it was.
    Task<> wait(Duration timeout);

private:
    boost::asio::io_context& loop_;
    using Waiting = std::list<boost::asio::steady_timer>;
    std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();  // shared with each coroutine that waits
};

// Nothing wakes who waits so.
Task<> pause(boost::asio::io_context& loop, Duration duration);

}  // namespace pgbosun::supervision
