#include "pgbosun/cron_schedule.hpp"

#include <string>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace std::chrono;

namespace {

WallTime at(int y, unsigned m, unsigned d, int h = 0, int min = 0, int s = 0) {
    return WallTime(sys_days(year(y) / month(m) / day(d)) + hours(h) + minutes(min) + seconds(s));
}

std::string next_after(const std::string& text, WallTime after) {
    const auto schedule = CronSchedule::parse(text);
    if (!schedule) return schedule.error().text();
    const auto next = schedule->next(after);
    return next ? to_iso8601(*next).substr(0, 19) : "never";
}

}  // namespace

TEST_CASE("the next moment of a schedule") {
    // A Saturday.
    const auto now = at(2026, 11, 21, 12, 30, 15);
    const auto [text, next] = GENERATE(table<std::string, std::string>({
        {"0 0 2 * * *", "2026-11-22T02:00:00"},
        {"0 0 13 * * *", "2026-11-21T13:00:00"},
        {"* * * * * *", "2026-11-21T12:30:16"},
        {"? ? ? ? ? ?", "2026-11-21T12:30:16"},
        {"15 30 12 * * *", "2026-11-22T12:30:15"},
        {"16 30 12 * * *", "2026-11-21T12:30:16"},
        {"*/20 * * * * *", "2026-11-21T12:30:20"},
        {"10/20 * * * * *", "2026-11-21T12:30:30"},
        {"0 */15 * * * *", "2026-11-21T12:45:00"},
        {"0 10-20/5,59 * * * *", "2026-11-21T12:59:00"},
        {"0 0 0 1 * *", "2026-12-01T00:00:00"},
        {"0 0 0 31 * *", "2026-12-31T00:00:00"},
        {"0 0 0 31 2,4,5 ?", "2027-05-31T00:00:00"},
        {"0 0 0 29 2 *", "2028-02-29T00:00:00"},
        {"0 0 0 29 FEB *", "2028-02-29T00:00:00"},
        {"0 0 3 * * SUN", "2026-11-22T03:00:00"},
        {"0 0 3 * * 0", "2026-11-22T03:00:00"},
        {"0 0 3 * * 7", "2026-11-22T03:00:00"},
        {"0 0 3 * * mon-fri", "2026-11-23T03:00:00"},
        {"0 0 3 * * Fri,Wed", "2026-11-25T03:00:00"},
        {"0 0 3 * * 5-7", "2026-11-22T03:00:00"},
        {"0 0 3 * jan-mar *", "2027-01-01T03:00:00"},
        // Both days restricted: either will do.
        {"0 0 3 1 * MON", "2026-11-23T03:00:00"},
        {"0 0 3 25 * SUN", "2026-11-22T03:00:00"},
        {"0 0 3 */2 * WED", "2026-11-23T03:00:00"},
        {"0 0 3 13 * */5", "2026-11-22T03:00:00"},
        {"0 0 3 */1 * WED", "2026-11-25T03:00:00"},
        {"0 0 3 1,* * WED", "2026-11-25T03:00:00"},
        {"0 0 3 * * 1/2", "2026-11-23T03:00:00"},
        {"  0  0 2 * *   * ", "2026-11-22T02:00:00"},
        {"@hourly", "2026-11-21T13:00:00"},
        {"@daily", "2026-11-22T00:00:00"},
        {"@midnight", "2026-11-22T00:00:00"},
        {"@weekly", "2026-11-22T00:00:00"},
        {"@monthly", "2026-12-01T00:00:00"},
        {"@yearly", "2027-01-01T00:00:00"},
        {"@annually", "2027-01-01T00:00:00"},
        {"59 59 23 31 12 *", "2026-12-31T23:59:59"},
    }));
    CAPTURE(text);
    CHECK(next_after(text, now) == next);
}

TEST_CASE("a moment of a schedule is not after itself, and a fraction of a second is passed over") {
    CHECK(next_after("0 0 2 * * *", at(2026, 11, 21, 2)) == "2026-11-22T02:00:00");
    CHECK(next_after("0 0 2 * * *", at(2026, 11, 21, 2) - microseconds(1)) == "2026-11-21T02:00:00");
    CHECK(next_after("0 0 2 * * *", at(2026, 12, 31, 2)) == "2027-01-01T02:00:00");
}

TEST_CASE("nights on which clocks are set have every moment once: schedules are in UTC") {
    CHECK(next_after("0 30 2 * * *", at(2026, 3, 29, 1)) == "2026-03-29T02:30:00");
    CHECK(next_after("0 30 2 * * *", at(2026, 10, 25, 2, 30)) == "2026-10-26T02:30:00");
}

TEST_CASE("a leap day that a century leaves out is further than five years away") {
    CHECK(next_after("0 0 0 29 2 *", at(2096, 3, 1)) == "never");
    CHECK(next_after("0 0 0 29 2 *", at(2000, 2, 28)) == "2000-02-29T00:00:00");
}

TEST_CASE("what is nearly a schedule is refused with a hint") {
    for (const auto* text : {"",
                             " ",
                             "0 2 * * *",
                             "0 0 2 * * * *",
                             "60 * * * * *",
                             "* 60 * * * *",
                             "* * 24 * * *",
                             "* * * 0 * *",
                             "* * * 32 * *",
                             "* * * * 0 *",
                             "* * * * 13 *",
                             "* * * * * 8",
                             "-1 * * * * *",
                             "+1 * * * * *",
                             "5-1 * * * * *",
                             "1-2-3 * * * * *",
                             "*/0 * * * * *",
                             "*/ * * * * *",
                             "/5 * * * * *",
                             "*/5/5 * * * * *",
                             ", * * * * *",
                             "1, * * * * *",
                             "1,,2 * * * * *",
                             "** * * * * *",
                             "*5 * * * * *",
                             "a * * * * *",
                             "jan * * * * *",
                             "* * * * mon *",
                             "* * * * * january",
                             "* * * * janu *",
                             "* * * L * *",
                             "* * * 15W * *",
                             "* * * * * 5#3",
                             "0 0 0 30 2 *",
                             "0 0 0 31 2,4,6,9,11 *",
                             "@reboot",
                             "@every 1h",
                             "@Daily"}) {
        CAPTURE(text);
        const auto schedule = CronSchedule::parse(text);
        REQUIRE_FALSE(schedule);
        CHECK(schedule.error().kind == FaultKind::refused);
        CHECK_FALSE(schedule.error().hint.empty());
    }
}
