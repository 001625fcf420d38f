#include "pgbosun/time.hpp"

#include "support/catch.hpp"

TEST_CASE("a wall time is shown in UTC with milliseconds") {
    using namespace std::chrono;
    const auto moment = sys_days{2026y / November / 21} + 1h + 41min + 32s + 725612us;
    CHECK(pgbosun::to_iso8601(moment) == "2026-11-21T01:41:32.725Z");
    CHECK(pgbosun::to_iso8601(pgbosun::WallTime{}) == "1970-01-01T00:00:00.000Z");
}
