#include "host/event.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pgbosun::host {

Event::Event(boost::asio::io_context& loop) : never_(loop, std::chrono::steady_clock::time_point::max()) {}

void Event::announce() {
    announced_ = true;
    never_.cancel();
}

Task<bool> Event::wait() {
    if (!announced_) {
        constexpr auto token = boost::asio::as_tuple(boost::asio::use_awaitable);
        co_await never_.async_wait(token);
    }
    co_return announced_;
}

}  // namespace pgbosun::host
