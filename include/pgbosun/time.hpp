#pragma once
// One clock for every deadline: CLOCK_BOOTTIME, which no hand sets and which counts while the machine
// sleeps, as a lease does. Wall time is for people only and is never compared to decide anything.

#include <chrono>
#include <cstdint>
#include <string>

namespace pgbosun {

using Duration = std::chrono::nanoseconds;

struct BootTime {
    using rep = Duration::rep;
    using period = Duration::period;
    using duration = Duration;
    using time_point = std::chrono::time_point<BootTime>;
    static constexpr bool is_steady = true;
};

// A moment on this machine's boot clock. Comparing it with another machine's is a bug.
using Instant = BootTime::time_point;
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;

class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
    [[nodiscard]] virtual WallTime wall() const = 0;
};

// "2026-11-21T01:41:32.725Z": UTC, milliseconds.
std::string to_iso8601(WallTime time);

}  // namespace pgbosun
