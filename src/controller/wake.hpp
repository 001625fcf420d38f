#pragma once
// What one coroutine waits on between two rounds: "look again". Being woken while it works counts too.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::controller {

class Wake {
public:
    explicit Wake(boost::asio::io_context& loop) : timer_(loop) {}

    void wake() {
        woken_ = true;
        timer_.cancel();
    }
    // Until it is woken, or for `most`.
    Task<> wait(Duration most) {
        if (!woken_ && most > Duration::zero()) {
            timer_.expires_after(most);
            co_await timer_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        }
        woken_ = false;
    }

private:
    boost::asio::steady_timer timer_;
    bool woken_ = false;
};

}  // namespace pgbosun::controller
