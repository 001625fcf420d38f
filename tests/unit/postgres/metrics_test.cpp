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
everywhere: {query: "select everywhere", metrics: [a: {usage: GAUGE}], target_databases: ["*"]}
leading: {query: "select leading", metrics: [a: {usage: GAUGE}], primary: true}
slow: {query: "select slow", metrics: [a: {usage: GAUGE}], cache_seconds: 60}
never: {query: "select never", predicate_query: "select false", metrics: [a: {usage: GAUGE}]}
newer: {query: "select newer", metrics: [a: {usage: GAUGE}], runonserver: ">=18"}
)";

struct World {
    World() {
        server->answer = [this](const std::string& sql, const std::vector<Field>&) { return answer(sql); };
    }

    Result<Rows> answer(const std::string& sql) {
        if (sql.starts_with("select current_setting('server_version_num')"))
            return Rows{{"", "", "", ""},
                        {{"170002", "PostgreSQL 17.2", in_recovery ? "t" : "f", "app"},
                         {"170002", "PostgreSQL 17.2", in_recovery ? "t" : "f", "postgres"}}};
        if (sql == "begin transaction read only" || sql == "rollback") return Rows{};
        if (sql == "select false") return Rows{{"bool"}, {{"f"}}};
        if (sql == broken) return fail(FaultKind::refused, "42P01 no such table");
        for (const char* name : {"everywhere", "leading", "slow", "never", "newer"})
            if (sql == std::string("select ") + name) return Rows{{"a"}, {{"1"}}};
        return fail(FaultKind::refused, "42601 not known to this server");
    }

    MetricsCollector collector() {
        const auto open = [this](const std::string&) { return std::make_unique<FakePgSession>(server); };
        return MetricsCollector(open, clock,
                                {.cluster = "orders", .queries = *parse_metric_queries(queries_yaml, "q")});
    }

    [[nodiscard]] std::size_t times(const std::string& sql) const {
        return static_cast<std::size_t>(std::count(server->statements.begin(), server->statements.end(), sql));
    }

    std::shared_ptr<FakeServer> server = std::make_shared<FakeServer>();
    HandClock clock;
    bool in_recovery = false;
    std::string broken;
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
