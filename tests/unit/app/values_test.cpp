#include <vector>

#include "app/key_suggestion.hpp"
#include "app/value_rules.hpp"
#include "app/value_text.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using namespace std::chrono_literals;

TEST_CASE("durations are read with their unit") {
    const auto [text, value] = GENERATE(table<std::string, Duration>({
        {"0", 0s},
        {"0s", 0s},
        {"500ms", 500ms},
        {"3s", 3s},
        {"5min", 5min},
        {"1h", 1h},
        {"2d", 48h},
        {"3 s", 3s},
        {"100d", 2400h},
    }));
    CAPTURE(text);
    CHECK(parse_duration(text).value() == value);
}

TEST_CASE("what is no duration is refused") {
    const auto text = GENERATE(as<std::string>{}, "", "s", "3", "-3s", "+3s", "3m", "3 sec", "1.5s", "3s ", "101d",
                               "99999999999999999999s", "18446744073709551615ms", "0x10s", "3S");
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
}

TEST_CASE("a duration is shown in the largest unit that fits") {
    CHECK(duration_text(0s) == "0s");
    CHECK(duration_text(1500ms) == "1500ms");
    CHECK(duration_text(60s) == "1min");
    CHECK(duration_text(90s) == "90s");
    CHECK(duration_text(48h) == "2d");
}

TEST_CASE("sizes are read as PostgreSQL and Kubernetes write them") {
    CHECK(parse_size("0").value() == 0);
    CHECK(parse_size("10kB").value() == 10240);
    CHECK(parse_size("16MB").value() == 16U << 20);
    CHECK(parse_size("16Mi").value() == 16U << 20);
    CHECK(parse_size("1TB").value() == 1ULL << 40);
    for (const auto* text : {"", "16", "16mb", "16M", "KB", "1KB", "-1kB", "99999999TB", "1 kB x"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_size(text));
    }
    CHECK(size_text(16U << 20) == "16MB");
    CHECK(size_text(1025) == "1025B");
    CHECK(size_text(0) == "0B");
}

TEST_CASE("names, addresses and destinations: good ones and near misses") {
    struct Row {
        Rule rule;
        std::vector<std::string> good, bad;
    };
    const std::vector<Row> rows = {
        {cluster_name, {"a", "pg-1", std::string(63, 'a')}, {"", "Pg", "a_b", "-a", "a-", "a.b", std::string(64, 'a')}},
        {archive_server_name,
         {"a", "main_db", "Main.prod", "1", "_a", "a-", "a..b", std::string(255, 'a')},
         {"", ".", "..", ".a", "-a", "a/b", "a b", "a%", "ä", std::string(256, 'a')}},
        {sql_identifier, {"a", "Straße", "a b"}, {"", std::string(64, 'a'), "a\nb"}},
        {absolute_path, {"/", "/a", "/a/.b", "/a..b"}, {"", "a", "/a/", "/a/../b", "/.", "/a\nb"}},
        {listen_address,
         {"0.0.0.0:8008", "[::]:8008", "*:0", "localhost:65535", "[::ffff:10.0.0.1]:1"},
         {"", "8008", ":8008", "a:", "a:65536", "a:-1", "::1:8008", "[:8008", "a b:1", "[]:1", "a:1:2"}},
        {archive_destination,
         {"file:///a", "s3://bucket", "s3://bucket/a/b", "s3://bucket/", "azure://a/c/p", "gs://b/p"},
         {"", "/a", "file://a", "file:///", "s3://", "s3:///a", "s3://b/../c", "s3://k:s@b/c", "s3://b/c?d", "S3://b",
          "azure://a", "azure:///c", "gs://", "http://a"}},
        {http_url,
         {"http://minio:9000", "https://s3.example.com", "https://[::1]:9000/a"},
         {"", "minio:9000", "http://", "http://a:b@c", "ftp://a", "http://a:99999", "http://*", "http://a?b"}},
        {cron_schedule,
         {"0 0 2 * * *", "*/5 0 2 1,15 JAN-MAR MON", "0  0 2 * * *"},
         {"", "0 2 * * *", "0 0 2 * * * *", "0 0 2 * * $", "@dayly"}},
        {retention_policy,
         {"RECOVERY WINDOW OF 30 DAYS", "RECOVERY WINDOW OF 1 WEEK", "REDUNDANCY 3"},
         {"", "30d", "RECOVERY WINDOW OF 0 DAYS", "RECOVERY WINDOW OF 30 YEARS", "REDUNDANCY 0", "REDUNDANCY"}},
        {transfer_rate, {"100", "32k", "50M"}, {"", "M", "50G", "-1", "5 M"}},
        {environment_name, {"AWS_KEY", "x1"}, {"", "A-B", "wJalr/XUtn"}},
        {user_name, {"postgres", "1000"}, {"", "-x", "a b", std::string(33, 'a')}},
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        for (const auto& text : rows[i].good) {
            CAPTURE(i, text);
            CHECK(rows[i].rule(text));
        }
        for (const auto& text : rows[i].bad) {
            CAPTURE(i, text);
            CHECK_FALSE(rows[i].rule(text));
        }
    }
}

TEST_CASE("a secret written where a variable's name belongs is not repeated") {
    const auto fault = environment_name("wJalr/XUtnFEMI").error();

    CHECK(fault.text().find("wJalr") == std::string::npos);
}
