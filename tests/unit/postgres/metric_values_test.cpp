#include "postgres/metric_values.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;

TEST_CASE("dates and timestamps are whole seconds since 1970, and only what has their type is one") {
    struct Case {
        const char* text;
        TypeOid type;
        double seconds;
    };
    for (const Case& test : {Case{"1970-01-01", 1082, 0},
                             {"2026-08-21 15:33:31", 1114, 1787326411},
                             {"2026-08-21 15:33:31.987654+00", 1184, 1787326411},
                             {"2026-08-21 21:03:31.5+05:30", 1184, 1787326411},
                             {"2026-08-21 12:33:31-03", 1184, 1787326411},
                             {"1969-12-31 23:59:59+00", 1184, -1},
                             {"1800-01-01 00:00:00-00:01:15", 1184, -5364662325},
                             {"0001-12-31 BC", 1082, -62135596800 - 86400},
                             {"0001-12-31 00:00:01 BC", 1114, -62135596800 - 86399}}) {
        CAPTURE(test.text);
        const auto value = number_of(test.text, test.type);
        REQUIRE(value);
        CHECK(*value == test.seconds);
    }
    CHECK(std::isinf(number_of("infinity", 1184).value()));
    CHECK(number_of("-infinity", 1082).value() < 0);
    for (const char* text : {"", "2026", "2026-08", "2026-13-01", "2026-02-30", "2026-08-21 ", "2026-08-21 15:33",
                             "2026-08-21T15:33:31", "2026-08-21 15:33:31.", "2026-08-21 15:33:31+", "08/21/2026",
                             "2026-08-21 15:33:31+00x", "99999-01-01", "2026-08-21 AD", "-2026-08-21"}) {
        CAPTURE(text);
        CHECK_FALSE(number_of(text, 1184));
    }
    CHECK_FALSE(number_of("2026-08-21", 25));
    CHECK_FALSE(number_of("01:02:03", 1186));
}

TEST_CASE("the kind of a value is named as a person would") {
    CHECK(kind_of(1186) == "an interval");
    CHECK(kind_of(25) == "a text");
    CHECK(kind_of(0) == "such a value");
    CHECK(kind_of(600) == "a value of type 600");
    CHECK(hint_for(1186).find("extract(epoch from") != std::string::npos);
}
