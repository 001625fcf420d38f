#include "controller/observer.hpp"

#include "pgbosun/spawn.hpp"

namespace pgbosun::controller {
namespace {

// A burst of events is answered by one status.
constexpr Duration shortest_interval = std::chrono::milliseconds(5);
// After a stream has ended; its end itself is a reason to look.
constexpr Duration pause_between_streams = std::chrono::milliseconds(500);

}  // namespace

Observer::Observer(boost::asio::io_context& loop, const Clock& clock, std::unique_ptr<AgentLink> link,
                   Duration interval, Sink sink)
    : loop_(loop), clock_(clock), link_(std::move(link)), interval_(interval), sink_(std::move(sink)), wake_(loop),
      pause_(loop) {}

void Observer::begin() {
    spawn(loop_, ask());
    spawn(loop_, follow());
}

Task<> Observer::ask() {
    Wake breath(loop_);
    for (;;) {
        Heard heard;
        heard.asked_at = clock_.now();
        heard.status = co_await link_->status();
        heard.received_at = clock_.now();
        sink_(heard);
        co_await breath.wait(shortest_interval);
        co_await wake_.wait(interval_);
    }
}

Task<> Observer::follow() {
    for (;;) {
        std::function<void()> look = [this] { wake_.wake(); };
        const auto ended = co_await link_->follow(std::move(look));
        // Why it ended is what the next status shows.
        std::ignore = ended;
        wake_.wake();
        co_await pause_.wait(pause_between_streams);
    }
}

}  // namespace pgbosun::controller
