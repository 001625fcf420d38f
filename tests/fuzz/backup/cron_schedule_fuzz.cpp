#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pgbosun/cron_schedule.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgbosun;
    const auto schedule = CronSchedule::parse({reinterpret_cast<const char*>(data), size});
    if (!schedule) return 0;
    const WallTime now{std::chrono::sys_days(std::chrono::year(2026) / 11 / 21)};
    const auto next = schedule->next(now);
    if (!next || *next <= now) std::abort();
    // The moment itself belongs to the schedule.
    if (schedule->next(*next - std::chrono::microseconds(1)) != next) std::abort();
    return 0;
}
