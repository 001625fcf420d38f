#include "supervision/broadcast.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace pgbosun::supervision {

void Broadcast::announce() {
    for (auto& timer : *waiting_) timer.cancel();
}

Task<> Broadcast::wait(Duration timeout) {
    const auto waiting = waiting_;
    const auto place = waiting->emplace(waiting->end(), loop_, timeout);
    // Also on cancellation and when the frame is destroyed while it waits.
    struct Leave {
        Waiting& list;
        Waiting::iterator place;
        ~Leave() { list.erase(place); }
    } leave{*waiting, place};
    constexpr auto quietly = boost::asio::as_tuple(boost::asio::use_awaitable);
    co_await place->async_wait(quietly);
}

Task<> pause(boost::asio::io_context& loop, Duration duration) {
    Broadcast nobody(loop);
    co_await nobody.wait(duration);
}

}  // namespace pgbosun::supervision
