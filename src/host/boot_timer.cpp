#include "host/boot_timer.hpp"

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include "host/event.hpp"
#include "host/readable.hpp"

namespace pgbosun::host {
namespace {

Descriptor make_timer() {
    Descriptor timer(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer) throw std::system_error(errno, std::generic_category(), "timerfd_create");
    return timer;
}

void set_time(int timer, std::chrono::nanoseconds moment) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(moment);
    itimerspec setting{};
    setting.it_value.tv_sec = seconds.count();
    setting.it_value.tv_nsec = (moment - seconds).count();
    ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &setting, nullptr);
}

}  // namespace

struct BootTimer::Waiter {
    explicit Waiter(boost::asio::io_context& loop) : event(loop) {}
    Event event;
    bool reached = false;
};

BootTimer::BootTimer(boost::asio::io_context& loop)
    : loop_(loop), alarm_(std::make_unique<Readable>(loop, make_timer(), [this] { fired(); })) {}

BootTimer::~BootTimer() { cancel(); }

void BootTimer::arm(Instant moment, std::function<void()> callback) {
    cancel();
    callback_ = std::move(callback);
    // A time of 0 would disarm.
    set_time(alarm_->descriptor(), std::max(moment.time_since_epoch(), Duration(1)));
    alarm_->resume();
}

void BootTimer::disarm() { cancel(); }

void BootTimer::cancel() {
    set_time(alarm_->descriptor(), Duration(0));
    alarm_->pause();
    callback_ = nullptr;
    if (auto waiter = std::exchange(waiter_, nullptr)) waiter->event.announce();
}

void BootTimer::fired() {
    std::uint64_t times = 0;
    if (::read(alarm_->descriptor(), &times, sizeof times) != sizeof times) return;
    alarm_->pause();
    if (const auto callback = std::exchange(callback_, nullptr)) callback();
}

Task<bool> BootTimer::wait_until(Instant moment) {
    auto waiter = std::make_shared<Waiter>(loop_);
    arm(moment, [this, waiter] {
        waiter_ = nullptr;
        waiter->reached = true;
        waiter->event.announce();
    });
    waiter_ = waiter;
    const bool announced = co_await waiter->event.wait();
    // Not announced: the coroutine was cancelled, and this timer may be gone.
    co_return announced && waiter->reached;
}

}  // namespace pgbosun::host
