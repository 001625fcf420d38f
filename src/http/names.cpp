#include "http/names.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <utility>
#include <variant>

#include "http/lookup_thread.hpp"

namespace pgbosun::http {

namespace asio = boost::asio;

struct Names::Door {
    std::mutex mutex;
    Names* names = nullptr;  // null: the loop has ended
};

asio::execution_context::id Names::id;

Names& Names::of(asio::io_context& loop) { return asio::use_service<Names>(loop); }

Names::Names(asio::io_context& loop)
    : asio::execution_context::service(loop), loop_(loop),
      lookup_([](std::string host, std::function<void(Looked)> answer) {
          LookupThread::of_process().ask(std::move(host), std::move(answer));
      }),
      door_(std::make_shared<Door>()) {
    door_->names = this;
}

Names::~Names() = default;

void Names::shutdown() {
    const std::scoped_lock lock(door_->mutex);
    door_->names = nullptr;
}

Task<Result<std::vector<std::string>>> Names::find(std::string host, Duration most) {
    boost::system::error_code no_number;
    const auto number = asio::ip::make_address(host, no_number);
    if (!no_number) co_return std::vector{number.to_string()};
    const auto now = std::chrono::steady_clock::now();
    const NameMemory::Asker asker{std::move(host), now, now + most};
    for (;;) {
        auto step = memory_.next(asker, std::chrono::steady_clock::now());
        if (auto* take = std::get_if<NameMemory::Take>(&step)) co_return std::move(take->addresses);
        if (const auto* lack = std::get_if<NameMemory::Lack>(&step)) {
            co_return fail(FaultKind::unavailable, "the name " + asker.host + " cannot be resolved: " + lack->why,
                           "is it written right, and does a name server of /etc/resolv.conf answer?");
        }
        const auto& wait = std::get<NameMemory::Wait>(step);
        if (wait.lookup == NameMemory::Lookup::to_begin) begin(asker.host);
        co_await wait_until(wait.until);
    }
}

void Names::begin(const std::string& host) {
    memory_.begin(host, std::chrono::steady_clock::now());
    lookup_(host, [door = door_, host](Looked looked) {
        const std::scoped_lock lock(door->mutex);
        if (door->names == nullptr) return;
        asio::post(door->names->loop_, [names = door->names, host, looked = std::move(looked)]() mutable {
            names->take(host, std::move(looked));
        });
    });
}

void Names::take(const std::string& host, Looked looked) {
    memory_.note(host, std::move(looked), std::chrono::steady_clock::now());
    for (auto* timer : waiting_) timer->cancel();
}

// Who is woken looks for itself whether that was its answer.
Task<> Names::wait_until(NameMemory::Time moment) {
    asio::steady_timer timer(loop_, moment);
    const auto place = waiting_.insert(waiting_.end(), &timer);
    struct Leave {
        ~Leave() { waiting.erase(place); }
        std::list<asio::steady_timer*>& waiting;
        std::list<asio::steady_timer*>::iterator place;
    } leave{waiting_, place};
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace pgbosun::http
