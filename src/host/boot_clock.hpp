#pragma once
// The machine's clocks: CLOCK_BOOTTIME for deadlines, CLOCK_REALTIME for people.

#include "pgbosun/time.hpp"

namespace pgbosun::host {

class BootClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override;
    [[nodiscard]] WallTime wall() const override;
};

// The same without an object, for processes that share nothing with PID 1 but a page.
Instant boot_now();

}  // namespace pgbosun::host
