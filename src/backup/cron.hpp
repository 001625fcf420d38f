#pragma once
// Decision: when a schedule is due next. Six fields as in CloudNativePG (robfig/cron): second minute hour day-of-month
// month day-of-week, in UTC. A field is `*` or `?`, a number, a range `a-b`, each also with `/step`, or a list of these;
// months and weekdays may be named (JAN, MON), Sunday is 0 or 7. When day and weekday are both restricted, either will do.

#include <bitset>
#include <optional>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::backup {

class Cron {
public:
    // refused: says which field, and what it may hold.
    static Result<Cron> parse(std::string_view text);

    // The first moment after `after`. None: there is none within the next five years (31 February).
    [[nodiscard]] std::optional<WallTime> next(WallTime after) const;

private:
    using Set = std::bitset<64>;
    [[nodiscard]] bool on(std::chrono::year_month_day date) const;

    Set seconds_, minutes_, hours_, days_, months_, weekdays_;
    bool any_day_ = false, any_weekday_ = false;  // written as * or ?
};

}  // namespace pgbosun::backup
