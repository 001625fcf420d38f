#include "http/query.hpp"

#include "support/catch.hpp"

using namespace pgbosun::http;
using namespace std::chrono_literals;

TEST_CASE("a target splits into path and query") {
    struct Row {
        std::string_view target, path, query;
    };
    for (const Row& row : {Row{"/", "/", ""}, Row{"/primary", "/primary", ""}, Row{"/primary/", "/primary", ""},
                           Row{"/replica?lag=1MB", "/replica", "lag=1MB"}, Row{"/a?b?c", "/a", "b?c"},
                           Row{"http://pg-1:8008/livez?x", "/livez", "x"}, Row{"http://pg-1", "/", ""},
                           Row{"//", "/", ""}, Row{"*", "*", ""}, Row{"", "", ""}}) {
        CAPTURE(row.target);
        CHECK(split_target(row.target).path == row.path);
        CHECK(split_target(row.target).query == row.query);
    }
}

TEST_CASE("query parameters are percent-decoded") {
    const auto query = Query::parse("a=1&b=x%20y%2Bz+w&empty=&flag&&c=%C3%A9");

    REQUIRE(query);
    CHECK(query->value("a") == "1");
    CHECK(query->value("b") == "x y+z w");
    CHECK(query->value("empty") == "");
    CHECK(query->value("flag") == "");
    CHECK(query->value("c") == "\xC3\xA9");
    CHECK_FALSE(query->value("d"));
    CHECK(query->stranger({"a", "b", "empty", "flag", "c"}) == std::nullopt);
    CHECK(query->stranger({"a", "b"}) == "empty");
    CHECK(query->has_prefix("fl"));
    CHECK_FALSE(query->has_prefix("x"));
}

TEST_CASE("a query that could be read in two ways is refused") {
    std::string many;
    for (int i = 0; i < 17; ++i) many += "p" + std::to_string(i) + "&";
    for (const std::string& text :
         {std::string("a=%"), std::string("a=%4"), std::string("a=%zz"), std::string("a=%00"), std::string("a=%0A"),
          std::string("a=1&a=2"), std::string("a=1&%61=2"), many, std::string(2049, 'a')}) {
        CAPTURE(text);
        REQUIRE_FALSE(Query::parse(text));
        CHECK_FALSE(Query::parse(text).error().hint.empty());
    }
    CHECK(Query::parse(std::string(2048, 'a')));
}

TEST_CASE("durations need a unit that is known") {
    CHECK(parse_duration("30s") == 30s);
    CHECK(parse_duration("500ms") == 500ms);
    CHECK(parse_duration("2m") == 2min);
    CHECK(parse_duration("0s") == 0s);
    for (const char* text : {"", "30", "s", "-1s", "+1s", "1.5s", "30 s", "30S", "1h", "30sx", "99999999999999999999s",
                             "18446744073709551615s", "10000000000s"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("sizes are powers of 1024, as in PostgreSQL") {
    CHECK(parse_size("0") == 0U);
    CHECK(parse_size("100B") == 100U);
    CHECK(parse_size("16kB") == 16384U);
    CHECK(parse_size("10MB") == 10485760U);
    CHECK(parse_size("1GB") == 1073741824U);
    CHECK(parse_size("1TB") == 1099511627776U);
    for (const char* text : {"", "MB", "-1", "1.5MB", "1 MB", "1mb", "1Mb", "1PB", "16777216TB"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_size(text));
    }
}
