#include "postgres/metrics.hpp"

#include <algorithm>

#include "contract/postgres/run_task.hpp"
#include "support/catch.hpp"
#include "support/fake_pg_session.hpp"

using namespace pgbosun;
using namespace pgbosun::postgres;
using namespace pgbosun::test;
using namespace std::chrono_literals;

namespace {

class HandClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return at; }
    [[nodiscard]] WallTime wall() const override { return {}; }
    Instant at{};
};

constexpr const char* queries_yaml = R"(
everywhere: {query: "select everywhere", metrics: [db: {usage: LABEL}, a: {usage: GAUGE}], target_databases: ["*"]}
leading: {query: "select leading", metrics: [a: {usage: GAUGE}], primary: true}
slow: {query: "select slow", metrics: [a: {usage: GAUGE}], cache_seconds: 60}
never: {query: "select never", predicate_query: "select false", metrics: [a: {usage: GAUGE}]}
newer: {query: "select newer", metrics: [a: {usage: GAUGE}], runonserver: ">=18"}
)";

constexpr const char* path = "set local search_path = pg_catalog, public, pg_temp";

struct World {
    World() {
        server->answer = [this](const std::string& sql, const std::vector<Field>&) { return answer(sql); };
    }

    Result<Rows> answer(const std::string& sql) {
        if (sql.starts_with("select current_setting('server_version_num')"))
            return Rows{
                {"", "", "", "", ""},
                {{"170002", "PostgreSQL 17.2", in_recovery ? "t" : "f", has_application ? "t" : "f", "app"},
                 {"170002", "PostgreSQL 17.2", in_recovery ? "t" : "f", has_application ? "t" : "f", "postgres"}}};
        if (sql == "begin transaction read only" || sql == "rollback" || sql == path) return Rows{};
        if (sql == "select false") return Rows{{"bool"}, {{"f"}}};
        if (sql == broken) return fail(FaultKind::refused, "42P01 no such table");
        if (sql == "select everywhere") return Rows{{"db", "a"}, {{std::to_string(++asked_everywhere), "1"}}};
        for (const char* name : {"leading", "slow", "never", "newer"})
            if (sql == std::string("select ") + name) return Rows{{"a"}, {{"1"}}};
        if (sql == "select mixed") return mixed;
        if (sql == "select both") return Rows{{"db", "a"}, {{"x", "1"}}};
        const auto own_queries = read_metric_queries(collector_metrics_yaml).queries;
        for (const auto& own : own_queries) {
            if (own.query != sql) continue;
            Rows none;
            for (const auto& column : own.columns) none.columns.push_back(column.column);
            return none;
        }
        return fail(FaultKind::refused, "42601 not known to this server");
    }

    MetricsCollector collector(std::string yaml = queries_yaml, WrittenBy written_by = WrittenBy::pgbosun) {
        const auto open = [this](const std::string& database) {
            return std::make_unique<FakePgSession>(database == "gone" ? nobody : server);
        };
        MetricsPlan plan{
            .cluster = "orders", .application_database = "app", .queries = *parse_metric_queries(yaml, "q")};
        for (auto& query : plan.queries) query.written_by = written_by;
        return MetricsCollector(open, clock, std::move(plan), [this](const QueryNews& it) {
            news.push_back(it.query + " in " + it.database + ": " + (it.fault ? it.fault->text() : "works"));
        });
    }

    [[nodiscard]] std::size_t times(const std::string& sql) const {
        return static_cast<std::size_t>(std::count(server->statements.begin(), server->statements.end(), sql));
    }

    std::shared_ptr<FakeServer> server = std::make_shared<FakeServer>();
    std::shared_ptr<FakeServer> nobody = std::make_shared<FakeServer>(FakeServer{.state = FakeServerState::down});
    HandClock clock;
    bool in_recovery = false;
    bool has_application = true;
    std::string broken;
    Rows mixed;
    std::size_t asked_everywhere = 0;
    std::vector<std::string> news;
    boost::asio::io_context io;
};

std::size_t samples(const MetricsCollector& collector, const std::string& name) {
    for (const MetricFamily& family : collector.current())
        if (family.name == name) return family.samples.size();
    return 0;
}

double value(const MetricsCollector& collector, const std::string& name) {
    for (const MetricFamily& family : collector.current())
        if (family.name == name && !family.samples.empty()) return family.samples[0].value;
    return -1;
}

}  // namespace

TEST_CASE("before the first collection the collector says that it is not up") {
    World world;
    const MetricsCollector collector = world.collector();

    CHECK(value(collector, "cnpg_collector_up") == 0);
    CHECK(world.server->connections == 0);
}

TEST_CASE("queries run where they should, each in a read-only transaction that is rolled back") {
    World world;
    MetricsCollector collector = world.collector();

    test::run(world.io, collector.refresh());

    CHECK(value(collector, "cnpg_collector_up") == 1);
    CHECK(samples(collector, "cnpg_everywhere_a") == 2);
    CHECK(samples(collector, "cnpg_leading_a") == 1);
    CHECK(samples(collector, "cnpg_never_a") == 0);
    CHECK(world.times("select never") == 0);
    CHECK(world.times("select newer") == 0);
    CHECK(world.times("begin transaction read only") == world.times("rollback"));
    CHECK(value(collector, "cnpg_collector_postgres_version") == 17.2);
    CHECK(world.server->connections == 2);
}

TEST_CASE("a query with cache_seconds runs again when they have passed") {
    World world;
    MetricsCollector collector = world.collector();
    test::run(world.io, collector.refresh());

    world.clock.at += 59s;
    test::run(world.io, collector.refresh());
    const std::size_t early = world.times("select slow");
    world.clock.at += 1s;
    test::run(world.io, collector.refresh());

    CHECK(early == 1);
    CHECK(world.times("select slow") == 2);
    CHECK(world.times("select leading") == 3);
    CHECK(samples(collector, "cnpg_slow_a") == 1);
}

TEST_CASE("what was true of a primary is not shown of a standby") {
    World world;
    MetricsCollector collector = world.collector();
    test::run(world.io, collector.refresh());
    REQUIRE(samples(collector, "cnpg_leading_a") == 1);

    world.in_recovery = true;
    test::run(world.io, collector.refresh());

    CHECK(samples(collector, "cnpg_leading_a") == 0);
    CHECK(world.times("select leading") == 1);
}

TEST_CASE("a failing query is counted, loses its old samples, and leaves the others alone") {
    World world;
    MetricsCollector collector = world.collector();
    test::run(world.io, collector.refresh());

    world.broken = "select leading";
    test::run(world.io, collector.refresh());

    CHECK(samples(collector, "cnpg_leading_a") == 0);
    CHECK(samples(collector, "cnpg_everywhere_a") == 2);
    CHECK(value(collector, "cnpg_collector_last_collection_error") == 1);
    bool counted = false;
    for (const MetricFamily& family : collector.current())
        for (const MetricSample& sample : family.samples)
            counted = counted || (family.name == "cnpg_collector_collection_errors_total" &&
                                  sample.labels[0].second == "leading" && sample.value == 1);
    CHECK(counted);
}

TEST_CASE("a server that is down is not up and shows nothing old") {
    World world;
    MetricsCollector collector = world.collector();
    test::run(world.io, collector.refresh());

    world.server->state = FakeServerState::down;
    test::run(world.io, collector.refresh());

    CHECK(value(collector, "cnpg_collector_up") == 0);
    CHECK(value(collector, "cnpg_collector_collections_total") == 2);
    CHECK(samples(collector, "cnpg_everywhere_a") == 0);
    CHECK(collector.last_error().starts_with("Collect.up: "));
}

TEST_CASE("queries that are replaced are asked from the next collection on, and nothing of the old ones is shown") {
    World world;
    MetricsCollector collector = world.collector();
    test::run(world.io, collector.refresh());
    REQUIRE(samples(collector, "cnpg_everywhere_a") == 2);

    collector.replace(*parse_metric_queries("leading: {query: \"select leading\", metrics: [a: {usage: GAUGE}]}", "q"));
    CHECK(samples(collector, "cnpg_everywhere_a") == 2);
    test::run(world.io, collector.refresh());

    CHECK(samples(collector, "cnpg_everywhere_a") == 0);
    CHECK(value(collector, "cnpg_leading_a") == 1);
    CHECK(value(collector, "cnpg_collector_up") == 1);
}

TEST_CASE("a user's query runs in the application's database and sees public, pgbosun's own do neither") {
    const char* yaml = "leading: {query: \"select leading\", metrics: [a: {usage: GAUGE}]}";
    World users;
    World own;
    World without;
    without.has_application = false;
    auto of_user = users.collector(yaml, WrittenBy::user);
    auto of_pgbosun = own.collector(yaml);
    auto elsewhere = without.collector(yaml, WrittenBy::user);

    test::run(users.io, of_user.refresh());
    test::run(own.io, of_pgbosun.refresh());
    test::run(without.io, elsewhere.refresh());

    // Each looks into every database for large objects.
    const auto& statements = users.server->statements;
    const auto at = std::find(statements.begin(), statements.end(), "select leading");
    REQUIRE(at != statements.end());
    CHECK(*(at - 1) == path);
    CHECK(std::find(statements.begin(), at, "rollback") != at);  // those of pgbosun in database postgres came first
    CHECK(users.times(path) == 1);
    CHECK(value(of_user, "cnpg_leading_a") == 1);
    CHECK(own.times(path) == 0);
    const auto& ours = own.server->statements;
    CHECK(std::find(ours.begin(), ours.end(), "select leading") == ours.begin() + 2);  // after server and begin
    const auto& others = without.server->statements;
    CHECK(std::find(others.begin(), others.end(), "select leading") == others.begin() + 3);
}

TEST_CASE("a database that is named and not there is told, and so is one that the role may not enter") {
    World world;
    auto collector =
        world.collector("leading: {query: \"select leading\", metrics: [a: {usage: GAUGE}], target_databases: [gone]}");

    test::run(world.io, collector.refresh());
    test::run(world.io, collector.refresh());

    REQUIRE(world.news.size() == 1);
    CHECK(world.news[0] == "leading in gone: connecting to PostgreSQL: nobody listens");
    CHECK(value(collector, "cnpg_collector_up") == 1);
}

TEST_CASE("a value that is no number costs its own sample, and is told once, with query, database and column") {
    World world;
    world.mixed = {{"d", "good"}, {{"00:00:01", "1"}}, {1186, 23}};
    auto collector =
        world.collector("mixed: {query: \"select mixed\", metrics: [d: {usage: GAUGE}, good: {usage: GAUGE}]}");

    test::run(world.io, collector.refresh());
    test::run(world.io, collector.refresh());
    const double failed = value(collector, "cnpg_last_error");
    const auto first_news = world.news;
    world.mixed = {{"d", "good"}, {{"1", "1"}}, {23, 23}};
    test::run(world.io, collector.refresh());

    CHECK(failed == 1);
    CHECK(value(collector, "cnpg_mixed_good") == 1);
    CHECK(first_news == std::vector<std::string>{"mixed in postgres: column d: an interval is no number (hint: "
                                                 "extract(epoch from ...) makes seconds of it)"});
    REQUIRE(world.news.size() == 2);
    CHECK(world.news[1] == "mixed in postgres: works");
    CHECK(value(collector, "cnpg_last_error") == 0);
}

TEST_CASE("what a query says of two databases without naming them comes once, and is told") {
    World world;
    auto collector = world.collector(
        "everywhere: {query: \"select both\", metrics: [db: {usage: LABEL}, a: {usage: GAUGE}], target_databases: "
        "[app, postgres]}");

    test::run(world.io, collector.refresh());
    test::run(world.io, collector.refresh());

    CHECK(samples(collector, "cnpg_everywhere_a") == 1);
    REQUIRE(world.news.size() == 1);
    CHECK(world.news[0].starts_with("everywhere in app: cnpg_everywhere_a has a series that is there already"));
}

TEST_CASE("a server that stops while it is asked is no news of its queries; one that never answers in time is") {
    World world;
    MetricsCollector collector = world.collector();
    world.server->state = FakeServerState::down;

    test::run(world.io, collector.refresh());
    collector.forget();
    test::run(world.io, collector.refresh());
    const auto early = world.news;
    test::run(world.io, collector.refresh());
    test::run(world.io, collector.refresh());

    CHECK(early.empty());
    REQUIRE(world.news.size() == 1);
    CHECK(world.news[0].starts_with("Collect.up in postgres: "));
}

TEST_CASE("news of a query: when it begins to fail, when for another reason, and when it works again") {
    QueryTroubles troubles;
    const QueryTroubles::Place place{"q", "app"};
    const Fault refused{FaultKind::refused, "no such table", {}};
    const Fault silent{FaultKind::unavailable, "no answer", {}};

    CHECK_FALSE(troubles.worked(place));
    CHECK(troubles.failed(place, refused));
    CHECK_FALSE(troubles.failed(place, refused));
    CHECK(troubles.failed(place, {FaultKind::refused, "division by zero", {}}));
    CHECK_FALSE(troubles.failed(place, silent));
    CHECK(troubles.failed(place, silent));
    troubles.server_gone();
    CHECK_FALSE(troubles.failed(place, silent));
    CHECK(troubles.worked(place));
    CHECK_FALSE(troubles.worked(place));

    CHECK(troubles.failed(place, refused));
    troubles.keep_only([](const auto&) { return false; });
    CHECK_FALSE(troubles.worked(place));
}
