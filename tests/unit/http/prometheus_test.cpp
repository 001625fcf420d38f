#include "http/prometheus.hpp"

#include "http/traffic.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::http;

TEST_CASE("metrics are rendered as Prometheus reads them") {
    const std::string text = render_metrics({
        {"cnpg_collector_up", "1 if up", MetricKind::gauge, {{.value = 1}}},
        {"cnpg_pg_stat_archiver_archived_count",
         "WAL",
         MetricKind::counter,
         {{.labels = {{"a", "b\"\n"}}, .value = 3}}},
        {"pgbosun_seconds", "time", MetricKind::histogram, {{.buckets = {{0.5, 1}, {1, 2}}, .sum = 1.5, .count = 2}}},
    });

    CHECK(text.find("# HELP cnpg_collector_up 1 if up\n# TYPE cnpg_collector_up gauge\ncnpg_collector_up 1\n") !=
          std::string::npos);
    CHECK(text.find("cnpg_pg_stat_archiver_archived_count{a=\"b\\\"\\n\"} 3\n") != std::string::npos);
    CHECK(text.find("pgbosun_seconds_bucket{le=\"0.5\"} 1\n") != std::string::npos);
    CHECK(text.find("pgbosun_seconds_bucket{le=\"+Inf\"} 2\n") != std::string::npos);
    CHECK(text.find("pgbosun_seconds_count 2\n") != std::string::npos);
}

TEST_CASE("one bad family does not cost the whole scrape") {
    const std::string text = render_metrics({
        {"no-dash", "", MetricKind::gauge, {{.value = 1}}},
        {"1digit", "", MetricKind::gauge, {{.value = 1}}},
        {"good", "two\nlines", MetricKind::gauge, {{.value = 1}, {.labels = {{"bad-label", "x"}}, .value = 2}}},
        {"good", "again", MetricKind::gauge, {{.value = 9}}},
        {"raw", "", MetricKind::gauge, {{.labels = {{"datname", "a\xff\xe9z\xc3\xa9"}}, .value = 4}}},
        {"counts", "", MetricKind::histogram, {{.buckets = {{1, -5}}, .count = 1e300}}},
    });

    CHECK(text.find("dash") == std::string::npos);
    CHECK(text.find("1digit") == std::string::npos);
    CHECK(text.find("bad-label") == std::string::npos);
    CHECK(text.find("# HELP good two\\nlines\n") != std::string::npos);
    CHECK(text.find("again") == std::string::npos);
    CHECK(text.find("datname=\"a??z\xc3\xa9\"") != std::string::npos);
    CHECK(text.find("counts_bucket{le=\"1\"} 0\n") != std::string::npos);
}

TEST_CASE("the server's own figures are metrics too") {
    Traffic traffic;
    traffic.answered = {{200, 5}, {503, 1}};
    traffic.tcp_connections = 2;
    const std::string text = render_metrics(traffic_metrics(traffic));

    CHECK(text.find("pgbosun_http_requests_total{code=\"200\"} 5\n") != std::string::npos);
    CHECK(text.find("pgbosun_http_connections{transport=\"tcp\"} 2\n") != std::string::npos);
}
