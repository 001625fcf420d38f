#include "backup/cron.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;
using namespace std::chrono;

namespace {

WallTime at(int year_, unsigned month_, unsigned day_, int hour = 0, int minute = 0, int second = 0) {
    return sys_days(year(year_) / month(month_) / day(day_)) + hours(hour) + minutes(minute) + seconds(second);
}

std::optional<WallTime> next(std::string_view text, WallTime after) {
    const auto cron = Cron::parse(text);
    REQUIRE(cron);
    return cron->next(after);
}

}  // namespace

TEST_CASE("the next moment of a schedule is after the given one, in UTC") {
    const auto base = at(2026, 11, 21, 1, 30, 15);  // a Saturday
    CHECK(next("0 0 2 * * *", base) == at(2026, 11, 21, 2));
    CHECK(next("0 0 1 * * *", base) == at(2026, 11, 22, 1));
    CHECK(next("15 30 1 * * *", base) == at(2026, 11, 22, 1, 30, 15));
    CHECK(next("16 30 1 * * *", base) == at(2026, 11, 21, 1, 30, 16));
    CHECK(next("* * * * * *", base) == at(2026, 11, 21, 1, 30, 16));
    CHECK(next("*/20 * * * * *", base) == at(2026, 11, 21, 1, 30, 20));
    CHECK(next("0 */15 * * * *", base) == at(2026, 11, 21, 1, 45));
    CHECK(next("0 10-20/5 * * * *", base) == at(2026, 11, 21, 2, 10));
    CHECK(next("0 5/20 * * * *", base) == at(2026, 11, 21, 1, 45));
    CHECK(next("0 0 4 * * 0", base) == at(2026, 11, 22, 4));
    CHECK(next("0 0 4 * * 7", base) == at(2026, 11, 22, 4));
    CHECK(next("0 0 4 ? * MON-fri", base) == at(2026, 11, 23, 4));
    CHECK(next("0 0 0 1 JAN *", base) == at(2027, 1, 1));
    CHECK(next("0 0 0 29 2 *", base) == at(2028, 2, 29));
    CHECK(next("59 59 23 31 12 *", base) == at(2026, 12, 31, 23, 59, 59));
    CHECK_FALSE(next("0 0 0 31 2 *", base));
    CHECK(next("0 0 2 * * *", base + microseconds(1)) == at(2026, 11, 21, 2));
    CHECK(next("16 30 1 * * *", at(2026, 11, 21, 1, 30, 15) + microseconds(999'999)) == at(2026, 11, 21, 1, 30, 16));
}

TEST_CASE("a day and a weekday that are both given: either will do") {
    const auto base = at(2026, 11, 21, 12);  // a Saturday
    CHECK(next("0 0 0 25 * MON", base) == at(2026, 11, 23));
    CHECK(next("0 0 0 22 * MON", base) == at(2026, 11, 22));
    CHECK(next("0 0 0 */10 * MON", base) == at(2026, 12, 21));
}

TEST_CASE("what is no schedule is refused, naming the field") {
    for (const auto* bad : {"", "* * * * *", "* * * * * * *", "60 * * * * *", "* * 24 * * *", "* * * 0 * *", "* * * * 13 *",
                            "* * * * * 8", "a * * * * *", "1- * * * * *", "5-1 * * * * *", "*/0 * * * * *", "1,,2 * * * * *",
                            "* * * * FOO *", "1/ * * * * *", "-1 * * * * *", "@daily"}) {
        CAPTURE(bad);
        CHECK_FALSE(Cron::parse(bad));
    }
    CHECK(Cron::parse("* * 24 * * *").error().what == "\"24\" cannot be the field hour");
}
