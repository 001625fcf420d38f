#include "backup/timestamp.hpp"

#include <tuple>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::backup;

TEST_CASE("moments are read with every zone that is a number, and rendered in UTC as Python does") {
    const auto [text, rendered] = GENERATE(table<const char*, const char*>({
        {"2026-11-21 01:41:32.725612+00:00", "2026-11-21 01:41:32.725612+00:00"},
        {"2026-11-21 01:41:32+00:00", "2026-11-21 01:41:32+00:00"},
        {"2026-11-21 01:41:32", "2026-11-21 01:41:32+00:00"},
        {"2026-11-21T01:41:32Z", "2026-11-21 01:41:32+00:00"},
        {"2026-11-21 01:41:32 GMT", "2026-11-21 01:41:32+00:00"},
        {"2026-11-21 01:41:32 UTC", "2026-11-21 01:41:32+00:00"},
        {"2026-11-21 01:41:32.5+02", "2026-11-20 23:41:32.500000+00:00"},
        {"2026-11-21 01:41:32+0530", "2026-11-20 20:11:32+00:00"},
        {"2026-11-21 01:41:32-05:30", "2026-11-21 07:11:32+00:00"},
        {"2026-11-21 01:41:32+00:19:32", "2026-11-21 01:22:00+00:00"},
        {"2026-11-21 01:41:32.1234567", "2026-11-21 01:41:32.123456+00:00"},
        {"2026-11-21 01:41", "2026-11-21 01:41:00+00:00"},
        {"2026-11-21", "2026-11-21 00:00:00+00:00"},
        {"1969-12-31 23:59:59.000001", "1969-12-31 23:59:59.000001+00:00"},
    }));
    CAPTURE(text);
    const auto time = parse_timestamp(text);
    REQUIRE(time);
    CHECK(to_timestamp(*time) == rendered);
    CHECK(parse_timestamp(rendered) == time);
}

TEST_CASE("what is nearly a moment is none") {
    for (const auto* text :
         {"", "2026", "2026-11", "2026-13-01", "2026-02-29", "2026-11-21 ", "2026-11-21 24:00:00",
          "2026-11-21 01:60", "2026-11-21 01:41:60", "2026-11-21 01:41:32.", "2026-11-21 01:41:32+",
          "2026-11-21 01:41:32+2", "2026-11-21 01:41:32+16", "2026-11-21 01:41:32 Europe/Berlin",
          "2026-11-21 01:41:32+00:00x", "26-11-21 01:41:32", "Sat Nov 21 01:41:32 2026", "now",
          "0000-01-01"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_timestamp(text));
    }
}

TEST_CASE("a manifest's moments are whole seconds in GMT") {
    CHECK(to_gmt(*parse_timestamp("2026-11-21 01:41:32.9+01")) == "2026-11-21 00:41:32 GMT");
}
