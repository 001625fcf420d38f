#include "host/boot_clock.hpp"

#include <ctime>

namespace pgbosun::host {

Instant boot_now() {
    timespec time{};
    ::clock_gettime(CLOCK_BOOTTIME, &time);
    return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

Instant BootClock::now() const { return boot_now(); }

WallTime BootClock::wall() const {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return WallTime(std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_nsec / 1000));
}

}  // namespace pgbosun::host
