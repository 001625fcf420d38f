#include "postgres/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>
#include <utility>

#include "postgres/one_series.hpp"

namespace pgbosun::postgres {
namespace {

constexpr std::size_t most_databases = 100;

const std::string server_sql =
    "select current_setting('server_version_num'), version(), pg_is_in_recovery(), "
    "exists (select from pg_database where datname = $1), datname "
    "from pg_database where datallowconn and not datistemplate "
    "and has_database_privilege(oid, 'connect') order by datname limit 100";

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

MetricFamily single(const char* name, const char* help, MetricKind kind, double value) {
    return {.name = name, .help = help, .kind = kind, .samples = {MetricSample{.value = value}}};
}

// Appends the samples to the family of the same name and kind; no series is in both (drop_known_series).
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

MetricsCollector::MetricsCollector(OpenSession open, const Clock& clock, MetricsPlan plan, Tell tell)
    : open_(std::move(open)), clock_(clock), plan_(std::move(plan)), tell_(std::move(tell)) {
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
    families.push_back(single("cnpg_last_error", "1 when a query of the last collection had an error",
                              MetricKind::gauge, query_failed_ ? 1 : 0));
    families.push_back(
        {.name = "cnpg_collector_collection_duration_seconds",
         .help = "How long the last collection took",
         .samples = {MetricSample{.labels = {{"collector", whole_collection}}, .value = seconds(last_duration_)}}});
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
    troubles_.server_gone();
}

void MetricsCollector::record_failure(const std::string& collector, const std::string& database, const Fault& fault) {
    ++errors_[collector];
    if (last_error_.empty()) last_error_ = collector + ": " + fault.text();
    if (collector != whole_collection) query_failed_ = true;
    const auto news = troubles_.failed({collector, database}, fault);
    if (news && tell_) tell_(*news);
}

void MetricsCollector::record_success(const std::string& collector, const std::string& database) {
    const auto news = troubles_.worked({collector, database});
    if (news && tell_) tell_(*news);
}

bool MetricsCollector::wanted(const MetricQuery& query) const {
    return query.versions.contains(server_.version) && (query.runs_on == RunsOn::anywhere || !server_.in_recovery);
}

bool MetricsCollector::runs_in(const MetricQuery& query, const std::string& database) const {
    if (query.databases.empty()) return database == usual_database(query);
    const bool may_enter = std::ranges::find(server_.databases, database) != server_.databases.end();
    return std::ranges::any_of(query.databases, [&](const std::string& pattern) {
        return matches_database(pattern, database) && (may_enter || !is_pattern(pattern));
    });
}

const std::string& MetricsCollector::usual_database(const MetricQuery& query) const {
    const bool in_application = query.written_by == WrittenBy::user && server_.has_application;
    return in_application ? plan_.application_database : plan_.default_database;
}

std::set<std::string> MetricsCollector::databases() const {
    std::set<std::string> databases{plan_.default_database};
    for (const MetricQuery& query : plan_.queries) {
        if (!wanted(query)) continue;
        if (query.databases.empty()) databases.insert(usual_database(query));
        for (const std::string& pattern : query.databases) {
            // One that is named is asked although it is a template, or not there: that it fails is told.
            if (!is_pattern(pattern)) databases.insert(pattern);
            for (const std::string& database : server_.databases)
                if (matches_database(pattern, database)) databases.insert(database);
        }
    }
    return databases;
}

void MetricsCollector::forget_what_is_gone(const std::set<std::string>& databases) {
    std::erase_if(kept_, [&](const auto& entry) {
        return !databases.contains(entry.first.second) || !wanted(plan_.queries[entry.first.first]);
    });
    std::set<std::string> names{whole_collection};
    for (const MetricQuery& query : plan_.queries)
        if (wanted(query)) names.insert(query.key);
    troubles_.keep_only([&](const QueryTroubles::Place& place) {
        return names.contains(place.first) && databases.contains(place.second);
    });
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
    query_failed_ = false;
    ++collections_;
    co_await collect();
    last_duration_ = clock_.now() - begin;
}

Task<> MetricsCollector::collect() {
    if (!session_) session_ = open_(plan_.default_database);
    auto server = co_await look_at_server(*session_);
    up_ = server.has_value();
    if (!server) {
        record_failure(whole_collection, plan_.default_database, server.error());
        kept_.clear();
        co_return;
    }
    record_success(whole_collection, plan_.default_database);
    server_ = *std::move(server);
    const std::set<std::string> asked = databases();
    forget_what_is_gone(asked);

    std::string default_database = plan_.default_database;
    co_await collect_database(*session_, std::move(default_database));
    for (const std::string& database : asked) {
        if (database == plan_.default_database) continue;
        const std::unique_ptr<PgSession> session = open_(database);
        std::string here = database;
        co_await collect_database(*session, std::move(here));
    }
}

Task<Result<MetricsCollector::Server>> MetricsCollector::look_at_server(PgSession& session) {
    std::string sql = server_sql;
    std::vector<Field> application(1, plan_.application_database);
    auto rows = co_await run_statement(session, std::move(sql), std::move(application));
    if (!rows) co_return std::unexpected(std::move(rows).error());
    Server server;
    for (const auto& row : rows->rows) {
        if (row.size() != 5 || !row[0] || !row[4]) continue;
        std::from_chars(row[0]->data(), row[0]->data() + row[0]->size(), server.version);
        server.full_version = row[1].value_or("");
        server.in_recovery = row[2] == "t";
        server.has_application = row[3] == "t";
        if (server.databases.size() < most_databases) server.databases.push_back(*row[4]);
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
            const Fault fault{FaultKind::unavailable, "the collection took too long",
                              "make its queries faster, or ask the slow ones less often: cache_seconds"};
            record_failure(query.key, database, fault);
            kept_.erase(key);
            continue;
        }
        auto answer = co_await run(session, query);
        take_answer(key, std::move(answer), now);
    }
}

void MetricsCollector::take_answer(const Key& key, Result<MetricAnswer> answer, Instant now) {
    const std::string& query = plan_.queries[key.first].key;
    kept_.erase(key);
    if (!answer) return record_failure(query, key.second, answer.error());
    std::vector<const std::vector<MetricFamily>*> others;
    for (const auto& [other, kept] : kept_) others.push_back(&kept.families);
    auto wrong = drop_known_series(answer->families, others);
    if (answer->wrong) wrong = std::move(answer->wrong);
    kept_[key] = Kept{std::move(answer->families), now};
    if (wrong) return record_failure(query, key.second, *wrong);
    record_success(query, key.second);
}

Task<Result<Rows>> MetricsCollector::run_statement(PgSession& session, std::string sql, std::vector<Field> parameters) {
    return session.query(std::move(sql), std::move(parameters), plan_.query_timeout);
}

Task<Result<MetricAnswer>> MetricsCollector::run(PgSession& session, const MetricQuery& query) {
    std::string begin = "begin transaction read only";
    auto begun = co_await run_statement(session, std::move(begin));
    if (!begun) co_return std::unexpected(std::move(begun).error());
    auto answer = co_await ask(session, query);
    std::string rollback = "rollback";
    const auto ended = co_await run_statement(session, std::move(rollback));
    if (!ended) session.close();
    co_return answer;
}

// Within the transaction.
Task<Result<MetricAnswer>> MetricsCollector::ask(PgSession& session, const MetricQuery& query) {
    if (query.written_by == WrittenBy::user) {
        std::string path = "set local search_path = pg_catalog, public, pg_temp";
        const auto set = co_await run_statement(session, std::move(path));
        if (!set) co_return std::unexpected(set.error());
    }
    if (!query.predicate.empty()) {
        std::string predicate = query.predicate;
        const auto answer = co_await run_statement(session, std::move(predicate));
        if (!answer) co_return std::unexpected(answer.error());
        if (answer->rows.empty() || answer->rows[0].empty() || answer->rows[0][0] != "t") co_return MetricAnswer{};
    }
    std::string sql = query.query;
    const auto rows = co_await run_statement(session, std::move(sql));
    if (!rows) co_return std::unexpected(rows.error());
    co_return to_families(query, *rows, server_.version);
}

}  // namespace pgbosun::postgres
