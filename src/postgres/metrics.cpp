#include "postgres/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>
#include <utility>

namespace pgbosun::postgres {
namespace {

constexpr std::size_t most_databases = 100;

const std::string server_sql =
    "select current_setting('server_version_num'), version(), pg_is_in_recovery(), datname "
    "from pg_database where datallowconn and not datistemplate "
    "and has_database_privilege(oid, 'connect') order by datname limit 100";

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

MetricFamily single(const char* name, const char* help, MetricKind kind, double value) {
    return {.name = name, .help = help, .kind = kind, .samples = {MetricSample{.value = value}}};
}

// Appends the samples to the family of the same name; one with another kind has no place under that name.
void merge(std::map<std::string, MetricFamily>& into, const std::vector<MetricFamily>& families) {
    for (const MetricFamily& family : families) {
        const auto [found, added] = into.try_emplace(family.name, family);
        if (added || found->second.kind != family.kind) continue;
        auto& samples = found->second.samples;
        samples.insert(samples.end(), family.samples.begin(), family.samples.end());
    }
}

struct Refreshing {
    explicit Refreshing(bool& under_way) : flag(under_way) { flag = true; }
    ~Refreshing() { flag = false; }
    Refreshing(const Refreshing&) = delete;
    Refreshing& operator=(const Refreshing&) = delete;
    bool& flag;
};

}  // namespace

MetricsCollector::MetricsCollector(OpenSession open, const Clock& clock, MetricsPlan plan)
    : open_(std::move(open)), clock_(clock), plan_(std::move(plan)) {
    take(std::exchange(plan_.queries, {}));
}

void MetricsCollector::take(std::vector<MetricQuery> queries) {
    plan_.queries = std::move(queries);
    auto built_in = parse_metric_queries(collector_metrics_yaml, "collector_metrics.yaml");
    if (!built_in) std::abort();  // it is part of this program, and a unit test reads it
    for (MetricQuery& query : *built_in) plan_.queries.push_back(std::move(query));
}

void MetricsCollector::replace(std::vector<MetricQuery> queries) { next_queries_ = std::move(queries); }

std::vector<MetricFamily> MetricsCollector::own_families() const {
    std::vector<MetricFamily> families;
    families.push_back({.name = "cnpg_collector_up",
                        .help = "1 when PostgreSQL answered the last collection",
                        .samples = {MetricSample{.labels = {{"cluster", plan_.cluster}}, .value = up_ ? 1.0 : 0.0}}});
    families.push_back(single("cnpg_collector_collections_total", "Collections of metrics", MetricKind::counter,
                              static_cast<double>(collections_)));
    families.push_back(single("cnpg_collector_last_collection_error", "1 when the last collection had an error",
                              MetricKind::gauge, last_error_.empty() ? 0 : 1));
    families.push_back(
        {.name = "cnpg_collector_collection_duration_seconds",
         .help = "How long the last collection took",
         .samples = {MetricSample{.labels = {{"collector", "Collect.up"}}, .value = seconds(last_duration_)}}});
    MetricFamily errors{.name = "cnpg_collector_collection_errors_total",
                        .help = "Failed queries, by query",
                        .kind = MetricKind::counter};
    for (const auto& [collector, count] : errors_)
        errors.samples.push_back({.labels = {{"collector", collector}}, .value = static_cast<double>(count)});
    families.push_back(std::move(errors));
    if (server_.version != 0) {
        // The value is 17.2 for 17.2 and 17.11 for 17.11, as CloudNativePG has it.
        const std::string value =
            std::to_string(server_.version / 10000) + "." + std::to_string(server_.version % 10000);
        families.push_back(
            {.name = "cnpg_collector_postgres_version",
             .help = "Version of PostgreSQL",
             .samples = {MetricSample{.labels = {{"full", server_.full_version}, {"cluster", plan_.cluster}},
                                      .value = std::strtod(value.c_str(), nullptr)}}});
    }
    return families;
}

std::vector<MetricFamily> MetricsCollector::current() const {
    std::map<std::string, MetricFamily> by_name;
    merge(by_name, own_families());
    for (const auto& [key, kept] : kept_) merge(by_name, kept.families);
    std::vector<MetricFamily> families;
    families.reserve(by_name.size());
    for (auto& [name, family] : by_name) families.push_back(std::move(family));
    return families;
}

void MetricsCollector::forget() {
    up_ = false;
    kept_.clear();
}

void MetricsCollector::record_failure(const std::string& collector, const Fault& fault) {
    ++errors_[collector];
    if (last_error_.empty()) last_error_ = collector + ": " + fault.text();
}

bool MetricsCollector::wanted(const MetricQuery& query) const {
    return query.versions.contains(server_.version) && (query.runs_on == RunsOn::anywhere || !server_.in_recovery);
}

bool MetricsCollector::runs_in(const MetricQuery& query, const std::string& database) const {
    if (query.databases.empty()) return database == plan_.default_database;
    return std::any_of(query.databases.begin(), query.databases.end(),
                       [&](const std::string& pattern) { return matches_database(pattern, database); });
}

Task<> MetricsCollector::refresh() {
    if (refreshing_) co_return;
    const Refreshing mark(refreshing_);
    if (next_queries_) {
        take(*std::exchange(next_queries_, std::nullopt));
        kept_.clear();  // it knows them by their place
        errors_.clear();
    }
    const Instant begin = clock_.now();
    give_up_at_ = begin + plan_.refresh_budget;
    last_error_.clear();
    ++collections_;
    co_await collect();
    last_duration_ = clock_.now() - begin;
}

Task<> MetricsCollector::collect() {
    if (!session_) session_ = open_(plan_.default_database);
    auto server = co_await look_at_server(*session_);
    up_ = server.has_value();
    if (!server) {
        record_failure("Collect.up", server.error());
        kept_.clear();
        co_return;
    }
    server_ = *std::move(server);
    std::set<std::string> alive(server_.databases.begin(), server_.databases.end());
    alive.insert(plan_.default_database);
    std::erase_if(kept_, [&](const auto& entry) {
        return !alive.contains(entry.first.second) || !wanted(plan_.queries[entry.first.first]);
    });

    std::string default_database = plan_.default_database;
    co_await collect_database(*session_, std::move(default_database));
    for (const std::string& database : server_.databases) {
        if (database == plan_.default_database) continue;
        const bool asked = std::any_of(plan_.queries.begin(), plan_.queries.end(), [&](const MetricQuery& query) {
            return wanted(query) && runs_in(query, database);
        });
        if (!asked) continue;
        const std::unique_ptr<PgSession> session = open_(database);
        std::string here = database;
        co_await collect_database(*session, std::move(here));
    }
}

Task<Result<MetricsCollector::Server>> MetricsCollector::look_at_server(PgSession& session) {
    std::string sql = server_sql;
    auto rows = co_await run_statement(session, std::move(sql));
    if (!rows) co_return std::unexpected(std::move(rows).error());
    Server server;
    for (const auto& row : rows->rows) {
        if (row.size() != 4 || !row[0] || !row[3]) continue;
        std::from_chars(row[0]->data(), row[0]->data() + row[0]->size(), server.version);
        server.full_version = row[1].value_or("");
        server.in_recovery = row[2] == "t";
        if (server.databases.size() < most_databases) server.databases.push_back(*row[3]);
    }
    if (server.version == 0) co_return fail(FaultKind::corrupt, "the server did not say its version");
    co_return server;
}

// By value: the list it came from belongs to server_.
Task<> MetricsCollector::collect_database(PgSession& session, std::string database) {
    for (std::size_t i = 0; i < plan_.queries.size(); ++i) {
        const MetricQuery& query = plan_.queries[i];
        if (!wanted(query) || !runs_in(query, database)) continue;
        const Key key(i, database);
        const auto kept = kept_.find(key);
        const Instant now = clock_.now();
        if (kept != kept_.end() && query.cache > Duration::zero() && now - kept->second.at < query.cache) continue;
        if (now >= give_up_at_) {
            record_failure(query.key, {FaultKind::unavailable, "the collection took too long", {}});
            kept_.erase(key);
            continue;
        }
        auto families = co_await run(session, query);
        if (families) {
            kept_[key] = Kept{*std::move(families), now};
        } else {
            record_failure(query.key, families.error());
            kept_.erase(key);
        }
    }
}

Task<Result<Rows>> MetricsCollector::run_statement(PgSession& session, std::string sql) {
    std::vector<Field> none;
    return session.query(std::move(sql), std::move(none), plan_.query_timeout);
}

Task<Result<std::vector<MetricFamily>>> MetricsCollector::run(PgSession& session, const MetricQuery& query) {
    std::string begin = "begin transaction read only";
    auto begun = co_await run_statement(session, std::move(begin));
    if (!begun) co_return std::unexpected(std::move(begun).error());

    Result<std::vector<MetricFamily>> families;
    bool skipped = false;
    if (!query.predicate.empty()) {
        std::string predicate = query.predicate;
        const auto answer = co_await run_statement(session, std::move(predicate));
        if (!answer) families = std::unexpected(answer.error());
        skipped = !answer || answer->rows.empty() || answer->rows[0].empty() || answer->rows[0][0] != "t";
    }
    if (!skipped) {
        std::string sql = query.query;
        const auto rows = co_await run_statement(session, std::move(sql));
        families = rows ? to_families(query, *rows, server_.version) : std::unexpected(rows.error());
    }

    std::string rollback = "rollback";
    const auto ended = co_await run_statement(session, std::move(rollback));
    if (!ended) session.close();
    co_return families;
}

}  // namespace pgbosun::postgres
