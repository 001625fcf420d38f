#include "app/query_files.hpp"

#include <algorithm>

#include "containing.hpp"
#include "environment.hpp"
#include "support/catch.hpp"

using namespace pgbosun;
using namespace pgbosun::app;
using pgbosun::app::test::containing;
using test::environment;
using test::PretendOutside;

namespace {

constexpr const char* mine = "mine: {query: select 1 as a, metrics: [{a: {usage: GAUGE}}]}\n";
constexpr const char* wrong = "mine: {query: select 2 as a, metrics: [{a: {usage: GUAGE}}]}\n";

const postgres::MetricQuery* named(const QueriesToRun& result, const std::string& key) {
    const auto found = std::ranges::find(result.queries, key, &postgres::MetricQuery::key);
    return found == result.queries.end() ? nullptr : &*found;
}

std::string checked(const std::string& yaml, const PretendOutside& outside) {
    auto read = read_settings(yaml, "/pg.yaml", environment());
    check_query_files(read, outside);
    std::string text;
    for (const auto& finding : read.findings) text += to_text(finding) + "\n";
    return text;
}

}  // namespace

TEST_CASE("a user's query takes the place of the default one of its name, and that is told") {
    const std::vector<QueryFile> files{
        {"/q.yaml", "\npg_database: {query: select 1 as a, metrics: [{a: {usage: GAUGE}}]}"}};

    const auto alone = queries_to_run({}, {}, {});
    const auto result = queries_to_run({}, files, {});

    REQUIRE(named(alone, "pg_database") != nullptr);
    CHECK(named(alone, "pg_database")->written_by == postgres::WrittenBy::pgbosun);
    CHECK(result.queries.size() == alone.queries.size());
    CHECK(named(result, "pg_database")->query == "select 1 as a");
    CHECK(named(result, "pg_database")->written_by == postgres::WrittenBy::user);
    REQUIRE(result.replaced.size() == 1);
    CHECK(result.replaced[0].name == "pg_database");
    CHECK(result.replaced[0].file == "/q.yaml");
    CHECK(result.replaced[0].line == 2);
    CHECK(queries_to_run({.default_queries = false}, files, {}).replaced.empty());
}

TEST_CASE("a file that cannot be used costs only itself, and gives what it gave last") {
    const std::string other = "other: {query: select 3 as a, metrics: [{a: {usage: GAUGE}}]}";
    const MetricsSettings bare{.default_queries = false};

    const auto good = queries_to_run(bare, {{"/q.yaml", mine}, {"/r.yaml", other}}, {});
    for (const Result<std::string>& text :
         {Result<std::string>(wrong), Result<std::string>(fail(FaultKind::unavailable, "the mount hangs"))}) {
        const auto first = queries_to_run(bare, {{"/q.yaml", text}, {"/r.yaml", other}}, {});
        const auto later = queries_to_run(bare, {{"/q.yaml", text}, {"/r.yaml", other}}, good.of_files);
        const auto much_later = queries_to_run(bare, {{"/q.yaml", text}}, later.of_files);

        CHECK(named(first, "mine") == nullptr);
        CHECK(named(first, "other") != nullptr);
        REQUIRE(first.unusable.size() == 1);
        CHECK_THAT(first.unusable[0].what, Catch::Matchers::StartsWith("/q.yaml:"));
        REQUIRE(named(later, "mine") != nullptr);
        CHECK(named(later, "mine")->query == "select 1 as a");
        CHECK(later.unusable.size() == 1);
        CHECK(named(much_later, "mine") != nullptr);
    }
}

TEST_CASE("config check finds all that is wrong in the query files, each with file, line and hint") {
    PretendOutside outside;
    outside.file("/q.yaml", std::string("a: 5\n") + wrong).file("/r.yaml", mine);
    outside.file("/s.yaml", std::string("pg_database:") + "\n  query: x\n  metrics: [{a: {usage: GAUGE}}]\n");

    const auto text = checked("metrics: {queries: [/q.yaml, /r.yaml, /s.yaml]}", outside);

    CHECK_THAT(text, containing("/q.yaml:1: error: a needs query and metrics"));
    CHECK_THAT(text, containing("/q.yaml:2: error: \"GUAGE\" is not a usage (hint: use LABEL"));
    CHECK_THAT(text, containing("/s.yaml:1: warning: pg_database takes the place of another query"));
    CHECK_THAT(text, !containing("/r.yaml"));
    CHECK(checked("volume: /data\nmetrics: {queries: [/r.yaml]}", outside).empty());
}
