#pragma once
// Shell: runs the metric queries and keeps their results, so that a scrape is answered from memory.
//
// It connects as metrics_role (configuration.hpp), a login role with pg_monitor and nothing else, and never as a
// superuser who then gives up rights: a function in a user's database could take them back with RESET ROLE. Every
// query runs in a READ ONLY transaction that is rolled back. The queries that come with pgbosun see pg_catalog alone;
// those that users have written see schema public behind it, as in CloudNativePG: what somebody has put there has the
// rights of metrics_role at most.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pgbosun/metric.hpp"
#include "pgbosun/pg_session.hpp"
#include "pgbosun/task.hpp"
#include "pgbosun/time.hpp"
#include "postgres/metric_queries.hpp"
#include "postgres/query_news.hpp"

namespace pgbosun::postgres {

struct MetricsPlan {
    std::string cluster;
    std::string default_database = "postgres";
    std::string application_database = "postgres";  // of users' queries; where it is not there, the one above
    std::vector<MetricQuery> queries;               // the user's, and those of default_metrics_yaml when wanted
    Duration query_timeout = std::chrono::seconds(5);
    Duration refresh_budget = std::chrono::seconds(15);  // queries that do not begin within it are not run
};

class MetricsCollector {
public:
    // A session of metrics_role in this database; opens nothing yet.
    using OpenSession = std::function<std::unique_ptr<PgSession>(const std::string& database)>;

    // Told when a query begins to fail, fails for another reason, and works again.
    using Tell = std::function<void(const QueryNews&)>;

    // The queries of collector_metrics_yaml are added. `clock` outlives the collector.
    MetricsCollector(OpenSession open, const Clock& clock, MetricsPlan plan, Tell tell = {});

    // Other queries, from the next refresh on.
    void replace(std::vector<MetricQuery> queries);

    // PostgreSQL does not run or does not answer: what it said last is no longer true.
    void forget();
    // It answers, but was asked too long ago.
    void forget_answers() { kept_.clear(); }
    // What the last refresh found: families by name, each once. A query that failed has no samples, and is counted; so is
    // one of which only some samples could be taken.
    [[nodiscard]] std::vector<MetricFamily> current() const;

    // Returns at once while another refresh is under way. Never fails: failures are metrics (cnpg_collector_up,
    // cnpg_collector_last_collection_error) and last_error(). At most two sessions are open at a time, one of them kept.
    Task<> refresh();

    // Of the last refresh; empty: none.
    [[nodiscard]] const std::string& last_error() const { return last_error_; }

private:
    using Key = std::pair<std::size_t, std::string>;  // query, database
    struct Kept {
        std::vector<MetricFamily> families;
        Instant at{};
    };
    struct Server {
        int version = 0;
        std::string full_version;
        bool in_recovery = false;
        bool has_application = false;        // the application's database exists
        std::vector<std::string> databases;  // that this role may connect to
    };

    void take(std::vector<MetricQuery> queries);
    Task<> collect();
    Task<Result<Server>> look_at_server(PgSession& session);
    Task<> collect_database(PgSession& session, std::string database);
    Task<Result<MetricAnswer>> run(PgSession& session, const MetricQuery& query);
    Task<Result<MetricAnswer>> ask(PgSession& session, const MetricQuery& query);
    void take_answer(const Key& key, Result<MetricAnswer> answer, Instant now);
    Task<Result<Rows>> run_statement(PgSession& session, std::string sql, std::vector<Field> parameters = {});
    [[nodiscard]] bool wanted(const MetricQuery& query) const;
    [[nodiscard]] bool runs_in(const MetricQuery& query, const std::string& database) const;
    [[nodiscard]] const std::string& usual_database(const MetricQuery& query) const;
    // Those in which a query is to be run, the default one among them.
    [[nodiscard]] std::set<std::string> databases() const;
    void forget_what_is_gone(const std::set<std::string>& databases);
    [[nodiscard]] std::vector<MetricFamily> own_families() const;
    void record_failure(const std::string& collector, const std::string& database, const Fault& fault);
    void record_success(const std::string& collector, const std::string& database);

    OpenSession open_;
    const Clock& clock_;
    MetricsPlan plan_;
    Tell tell_;
    std::optional<std::vector<MetricQuery>> next_queries_;
    std::unique_ptr<PgSession> session_;
    Server server_;
    std::map<Key, Kept> kept_;
    std::map<std::string, std::uint64_t> errors_;
    QueryTroubles troubles_;
    std::string last_error_;
    bool query_failed_ = false;  // in the last collection
    std::uint64_t collections_ = 0;
    Duration last_duration_{};
    Instant give_up_at_{};
    bool refreshing_ = false;
    bool up_ = false;
};

}  // namespace pgbosun::postgres
