#pragma once
#include "pgbosun/time.hpp"

namespace pgbosun::test {

// Stands still until it is moved by hand.
class FakeClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return now_; }
    [[nodiscard]] WallTime wall() const override { return wall_; }

    void advance(Duration by) {
        now_ += by;
        wall_ += std::chrono::duration_cast<WallTime::duration>(by);
    }
    // What an administrator does to the wall clock: deadlines must not notice.
    void set_wall(WallTime wall) { wall_ = wall; }

private:
    Instant now_{std::chrono::hours(1)};
    WallTime wall_ = std::chrono::sys_days(std::chrono::year(2026) / 11 / 21);
};

}  // namespace pgbosun::test
