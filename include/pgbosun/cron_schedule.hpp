#pragma once
// When something is to be done, as CloudNativePG's schedules say it: six fields with the seconds first, in
// UTC.

#include <bitset>
#include <optional>
#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun {

class CronSchedule {
public:
    // "second minute hour day-of-month month day-of-week", or "@yearly" ("@annually"), "@monthly", "@weekly",
    // "@daily" ("@midnight"), "@hourly". A field is a list of values, ranges "a-b" and "*" or "?", each with
    // an optional step "/n" ("a/n": from a to the end). Months and days of the week may be named by three
    // letters; 0 is Sunday, and so is 7. When both days are restricted, either will do, as in every cron; a
    // field with a "*" without a step restricts nothing.
    //
    // refused: anything else, or a date that does not exist ("0 0 0 30 2 *"); the fault says what is wrong.
    static Result<CronSchedule> parse(std::string_view text);

    // The first moment after `after`. None: there is none within five years.
    [[nodiscard]] std::optional<WallTime> next(WallTime after) const;

    bool operator==(const CronSchedule&) const = default;

private:
    CronSchedule() = default;
    [[nodiscard]] bool takes(std::chrono::year_month_day date) const;
    [[nodiscard]] std::optional<std::chrono::seconds> time_of_day(std::chrono::seconds from) const;

    std::bitset<60> seconds_, minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_;
    std::bitset<13> months_;
    std::bitset<7> weekdays_;
    bool any_day_ = false, any_weekday_ = false;
};

}  // namespace pgbosun
