#include "postgres/metric_queries.hpp"

#include <cmath>

#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;

namespace {

MetricQuery one(const std::string& columns) {
    auto queries = parse_metric_queries("q: {query: select, metrics: [" + columns + "]}", "f.yaml");
    if (!queries) FAIL(queries.error().text());
    return queries->at(0);
}

}  // namespace

TEST_CASE("a query has every key of the format") {
    const auto queries = parse_metric_queries(R"(
pg_x:
  name: renamed
  query: |
    select 1
  predicate_query: "select true"
  master: true
  cache_seconds: 30
  runonserver: ">=16.0.0 <18.0.0"
  target_databases: ["app*", postgres]
  metrics:
    - datname: {usage: LABEL, description: d}
    - state: {usage: MAPPEDMETRIC, metric_mapping: {up: 1, down: 0}, pg_version: ">=17", name: is_up}
)",
                                              "f.yaml");

    REQUIRE(queries);
    const MetricQuery& query = queries->at(0);
    CHECK(query.key == "pg_x");
    CHECK(query.name == "renamed");
    CHECK(query.query == "select 1\n");
    CHECK(query.predicate == "select true");
    CHECK(query.runs_on == RunsOn::primary);
    CHECK(query.cache == std::chrono::seconds(30));
    CHECK(query.versions.contains(170002));
    CHECK_FALSE(query.versions.contains(180000));
    CHECK(query.databases == std::vector<std::string>{"app*", "postgres"});
    CHECK(query.columns.at(1).name == "is_up");
    CHECK(query.columns.at(1).mapping.at("up") == 1);
}

TEST_CASE("the embedded files are valid and their names plain") {
    CHECK(parse_metric_queries(default_metrics_yaml, "default").value().size() >= 13);
    CHECK(parse_metric_queries(collector_metrics_yaml, "collector").value().size() == 4);
    CHECK(parse_metric_queries("", "empty").value().empty());
}

TEST_CASE("a wrong query file is refused with file, line and what to change") {
    struct Case {
        const char* yaml;
        const char* place;
        const char* what;
    };
    const Case cases[] = {
        {"a:\n  query: x\n  metrics: [\n", "f.yaml:", ""},
        {"- a\n", "f.yaml:1:", "must map"},
        {"a: 5\n", "f.yaml:1:", "needs query"},
        {"a:\n  metrics: [{x: {usage: GAUGE}}]\n", "f.yaml:2:", "no query"},
        {"a:\n  query: x\n", "f.yaml:2:", "no metrics"},
        {"a:\n  query: x\n  metrics:\n    - x: {usage: GUAGE}\n", "f.yaml:4:", "GUAGE"},
        {"a:\n  query: x\n  metrics:\n    - x: {description: d}\n", "f.yaml:4:", "no usage"},
        {"a:\n  query: x\n  metrics:\n    - x: {usage: MAPPEDMETRIC}\n", "f.yaml:4:", "no metric_mapping"},
        {"a:\n  query: x\n  metrics:\n    - 'x-y': {usage: GAUGE}\n", "f.yaml:4:", "x-y"},
        {"a:\n  query: x\n  primry: true\n", "f.yaml:3:", "primry"},
        {"a:\n  query: x\n  primary: 7\n", "f.yaml:3:", "true or false"},
        {"a:\n  query: x\n  cache_seconds: -1\n", "f.yaml:3:", "cache_seconds"},
        {"a:\n  query: x\n  runonserver: new\n", "f.yaml:3:", "version range"},
        {"a:\n  query: x\n  target_databases: app\n", "f.yaml:3:", "list"},
        {"a b:\n  query: x\n  metrics: [{x: {usage: GAUGE}}]\n", "f.yaml:2:", "a b"},
        {"a: &a\n  query: x\n  metrics: [{x: {usage: GAUGE}}]\nb: *a\na: *a\n", "f.yaml:5:", "twice"},
    };
    for (const Case& test : cases) {
        CAPTURE(test.yaml);
        const auto queries = parse_metric_queries(test.yaml, "f.yaml");
        REQUIRE_FALSE(queries);
        CHECK(queries.error().kind == FaultKind::refused);
        CAPTURE(queries.error().what);
        CHECK(queries.error().what.starts_with(test.place));
        CHECK(queries.error().what.find(test.what) != std::string::npos);
    }
    CHECK_FALSE(parse_metric_queries(std::string(longest_query_file + 1, ' '), "f.yaml"));
    CHECK_FALSE(parse_metric_queries(std::string(100'000, '['), "f.yaml"));
}

TEST_CASE("all wrong queries of a file are found, and the right ones are read") {
    const auto read = read_metric_queries(
        "a: 5\n"
        "b: {query: select, metrics: [{x: {usage: GAUGE}}]}\n"
        "c: {query: select, metrics: [{x: {usage: GUAGE}}]}\n");

    REQUIRE(read.findings.size() == 2);
    CHECK(read.findings[0].line == 1);
    CHECK(read.findings[1].line == 3);
    CHECK(read.findings[1].hint.find("GAUGE") != std::string::npos);
    REQUIRE(read.queries.size() == 1);
    CHECK(read.queries[0].key == "b");
    CHECK(read.queries[0].line == 2);
}

TEST_CASE("a mapping may be written as CloudNativePG's program reads it, and as its documentation has it") {
    for (const char* key : {"metric_mapping", "metrics_mapping"}) {
        CAPTURE(key);
        const auto query = one("m: {usage: MAPPEDMETRIC, " + std::string(key) + ": {up: 1}}");
        CHECK(query.columns.at(0).mapping.at("up") == 1);
    }
}

TEST_CASE("version ranges compare as semantic versions") {
    struct Case {
        const char* range;
        int version;
        bool contains;
    };
    for (const Case& test : {Case{">=17.0.0", 170000, true},
                             {">=17.0.0", 169999, false},
                             {"<17.0.0", 160011, true},
                             {"<17.0.0", 170000, false},
                             {">16.x", 160011, false},
                             {">16.x", 170000, true},
                             {"<=16", 160011, true},
                             {"16.x", 160003, true},
                             {"!16.x", 160003, false},
                             {"!=16.3.0", 160004, true},
                             {"=16.3", 160003, true},
                             {">=15 <16 || >=18", 150004, true},
                             {">=15 <16 || >=18", 160000, false},
                             {">=15 <16||>=18", 180000, true},
                             {">= 10.0.0", 150000, true}}) {
        CAPTURE(test.range, test.version);
        const auto range = VersionRange::parse(test.range);
        REQUIRE(range);
        CHECK(range->contains(test.version) == test.contains);
    }
    for (const char* text :
         {"", "  ", "||", ">=", "v17", ">=17 ||", "17..1", "17.x.1", "1.2.3.4", ">=-1", "99999", "x"}) {
        CAPTURE(text);
        CHECK_FALSE(VersionRange::parse(text));
    }
    CHECK(VersionRange().contains(150000));
}

TEST_CASE("rows become samples by the usage of their columns") {
    const MetricQuery query =
        one("l: {usage: LABEL}, c: {usage: COUNTER}, g: {usage: GAUGE}, d: {usage: DURATION}, x: {usage: DISCARD}, "
            "m: {usage: MAPPEDMETRIC, metric_mapping: {up: 1}}");
    const Rows rows{{"extra", "l", "c", "g", "d", "x", "m"},
                    {{"e", "one", "5", "-1.5e3", "1m2.5s", "ignored", "up"},
                     {"e", std::nullopt, "6", "t", "15.5 ms", "ignored", "unheard of"},
                     {"e", "three", std::nullopt, "Infinity", "250us", std::nullopt, std::nullopt}}};

    const auto [families, wrong] = to_families(query, rows, 170000);

    CHECK_FALSE(wrong);
    REQUIRE(families.size() == 4);
    CHECK(families.at(0).name == "cnpg_q_c");
    CHECK(families.at(0).kind == MetricKind::counter);
    CHECK(families.at(0).samples.size() == 2);
    CHECK(families.at(0).samples[1].labels == std::vector<std::pair<std::string, std::string>>{{"l", ""}});
    CHECK(families.at(1).samples[0].value == -1500);
    CHECK(families.at(1).samples[1].value == 1);
    CHECK(std::isinf(families.at(1).samples[2].value));
    CHECK(families.at(2).name == "cnpg_q_d_milliseconds");
    CHECK(families.at(2).samples[0].value == 62500);
    CHECK(families.at(2).samples[1].value == 15.5);
    CHECK(families.at(2).samples[2].value == 0.25);
    CHECK(families.at(3).samples.size() == 1);
}

TEST_CASE("a histogram is read from four columns") {
    const MetricQuery query = one("h: {usage: HISTOGRAM}");
    Rows rows{{"h", "h_bucket", "h_sum", "h_count"}, {{"{1,2.5,10}", "{3,4,4}", "12.5", "5"}}};

    const auto [families, wrong] = to_families(query, rows, 170000);
    rows.rows[0][1] = "{3,4}";
    const auto uneven = to_families(query, rows, 170000);
    rows.rows[0][1] = std::nullopt;
    const auto without = to_families(query, rows, 170000);
    rows.columns.pop_back();
    const auto incomplete = to_families(query, rows, 170000);

    CHECK_FALSE(wrong);
    const MetricSample& sample = families.at(0).samples.at(0);
    CHECK(families.at(0).kind == MetricKind::histogram);
    CHECK(sample.buckets == std::vector<std::pair<double, double>>{{1, 3}, {2.5, 4}, {10, 4}});
    CHECK(sample.sum == 12.5);
    CHECK(sample.count == 5);
    CHECK(uneven.wrong);
    CHECK_FALSE(without.wrong);
    CHECK(without.families.at(0).samples.empty());
    CHECK(incomplete.wrong);
}

TEST_CASE("what does not fit its list of metrics costs itself alone, and is named with column and kind") {
    const auto query = one("l: {usage: LABEL}, bad: {usage: GAUGE}, gone: {usage: COUNTER}, good: {usage: GAUGE}");
    Rows rows{{"l", "bad", "good"}, {{"x", "secret", "1"}, {"y", "2", "3"}}, {25, 25, 20}};

    const auto [families, wrong] = to_families(query, rows, 170000);
    rows.columns[0] = "other";
    const auto unlabelled = to_families(query, rows, 170000);

    REQUIRE(families.size() == 3);
    REQUIRE(families[0].samples.size() == 1);
    CHECK(families[0].samples[0].labels[0].second == "y");
    CHECK(families[1].samples.empty());
    CHECK(families[2].samples.size() == 2);
    REQUIRE(wrong);
    CHECK(wrong->what == "column bad: a text is no number; column gone is not in the answer");
    CHECK(unlabelled.families.empty());
    REQUIRE(unlabelled.wrong);
    CHECK(unlabelled.wrong->what == "column l is not in the answer");
}

TEST_CASE("an answer that does not fit its list of metrics is told") {
    CHECK(to_families(one("g: {usage: GAUGE}"), {{"other"}, {}}, 170000).wrong);
    CHECK(to_families(one("g: {usage: GAUGE}"), {{"g"}, {{"many"}}}, 170000).wrong);
    CHECK(to_families(one("g: {usage: GAUGE}"), {{"g"}, {{""}}}, 170000).wrong);
    CHECK(to_families(one("d: {usage: DURATION}"), {{"d"}, {{"5 parsecs"}}}, 170000).wrong);
    CHECK(to_families(one("d: {usage: DURATION}"), {{"d"}, {{"01:02:03"}}, {1186}}, 170000).wrong);
    const auto newer = to_families(one("g: {usage: GAUGE, pg_version: '>=18'}"), {{"other"}, {}}, 170000);
    CHECK_FALSE(newer.wrong);
    CHECK(newer.families.empty());
    const auto off = to_families(one("d: {usage: DURATION}"), {{"d"}, {{"-1"}}}, 170000);
    CHECK_FALSE(off.wrong);
    CHECK(off.families.at(0).samples.empty());
}

TEST_CASE("target databases are globs") {
    CHECK(matches_database("*", "anything"));
    CHECK(matches_database("app_*", "app_1"));
    CHECK_FALSE(matches_database("app_*", "my_app_1"));
    CHECK(matches_database("back\\slash", "back\\slash"));
    CHECK(matches_database("a?p", "app"));
}
