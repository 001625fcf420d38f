#include "pgbosun/moment.hpp"

#include "support/catch.hpp"

using namespace pgbosun;
using namespace std::chrono;

TEST_CASE("a moment is read with its zone") {
    const WallTime ten = sys_days(year(2026) / 1 / 30) + hours(10);
    const auto [text, moment] = GENERATE_COPY(table<std::string, WallTime>({
        {"2026-01-30 10:00:00+00", ten},
        {"2026-01-30T10:00Z", ten},
        {"2026-01-30 10:00:00 UTC", ten},
        {"2026-01-30 12:00:00 +02", ten},
        {"2026-01-30 04:30:00-0530", ten},
        {"2026-01-31 01:45:00+15:45", ten},
        {"2026-01-30 10:00:01.5+00", ten + milliseconds(1500)},
        {"2026-01-30 10:00:00.000001z", ten + microseconds(1)},
        {"2026-01-30 10:00:00.0000019z", ten + microseconds(1)},
    }));
    CAPTURE(text);
    REQUIRE(parse_moment(text));
    CHECK(*parse_moment(text) == moment);
}

TEST_CASE("what is not a moment is named, with a way to write one") {
    for (const auto* text :
         {"", "tomorrow", "2026-01-30", "2026-01-30 10:00:00", "2026-02-30 10:00:00+00", "2026-01-30 24:00:00+00",
          "2026-01-30 10:00:00.+00", "2026-01-30 10:00:00+0", "2026-01-30 10:00:00+16", "2026-01-30 10:00:00 CET",
          "2026-01-30 10:00:00+02:00x", "2026-01-30 10:00:60+00"}) {
        CAPTURE(text);
        const auto moment = parse_moment(text);
        REQUIRE_FALSE(moment);
        CHECK(moment.error().kind == FaultKind::refused);
        CHECK(moment.error().what.starts_with("\"" + std::string(text) + "\" "));
        CHECK_FALSE(moment.error().hint.empty());
    }
}
