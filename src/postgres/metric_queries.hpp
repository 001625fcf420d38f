#pragma once
// Fact: queries in CloudNativePG's custom query format (YAML), and what their rows mean as metrics.
//
//   <key>: {name, query, predicate_query, primary | master, cache_seconds, runonserver, target_databases,
//           metrics: [{<column>: {usage, description, metric_mapping, pg_version, name}}]}
//
// CloudNativePG's documentation writes metrics_mapping for metric_mapping: both are read.
//
// The metric of a column is cnpg_<name or key>_<column's name>, for DURATION with _milliseconds after it. NULL has no
// sample, as has a text that metric_mapping does not know; columns that are not listed are ignored. A value that is not
// what its column's usage needs costs its own sample, and a label that is missing all of the query's.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/metric.hpp"
#include "pgbosun/pg_session.hpp"
#include "pgbosun/time.hpp"

namespace pgbosun::postgres {

// A semantic version range: ">=16.0.0 <18.0.0 || 15.x". PostgreSQL 17.2 is 17.2.0.
class VersionRange {
public:
    VersionRange() = default;  // every version
    static std::optional<VersionRange> parse(std::string_view text);
    [[nodiscard]] bool contains(int server_version_num) const;

private:
    enum class Compare { equal, unequal, less, at_most, greater, at_least };
    struct Term {
        Compare compare;
        long version;  // major * 1'000'000'000 + minor * 10'000 + patch
        long end;      // first version after the ones meant: of 15.x that is 16
    };
    std::vector<std::vector<Term>> alternatives_;  // each: all terms hold
};

enum class ColumnUsage { label, counter, gauge, mapped, duration, histogram, discard };
enum class RunsOn { anywhere, primary };
// A user's query runs in the application's database unless it names others, and finds what is in schema public.
enum class WrittenBy { pgbosun, user };

struct MetricColumn {
    std::string column;
    std::string name;
    std::string help;
    ColumnUsage usage = ColumnUsage::discard;
    std::map<std::string, double> mapping;
    VersionRange versions;
};

struct MetricQuery {
    std::string key;   // as in the file; for errors
    int line = 1;      // of the key, in its file
    std::string name;  // between cnpg_ and the column
    std::string query;
    std::string predicate;  // empty: none
    std::vector<MetricColumn> columns;
    RunsOn runs_on = RunsOn::anywhere;
    VersionRange versions;
    std::vector<std::string> databases;  // names or globs; empty: the default database
    Duration cache{};                    // zero: as often as the others
    WrittenBy written_by = WrittenBy::pgbosun;
};

inline constexpr std::size_t longest_query_file = 256 * 1024;

struct QueryFinding {
    int line = 1;  // from 1
    std::string what;
    std::string hint;  // may be empty
};

struct QueriesRead {
    std::vector<MetricQuery> queries;    // those that nothing is wrong with; no two have the same key
    std::vector<QueryFinding> findings;  // the first one of each other
};
QueriesRead read_metric_queries(std::string_view yaml);

// refused: what is wrong, with "file:line: " before it; the first finding only. `file` is for that text.
Result<std::vector<MetricQuery>> parse_metric_queries(std::string_view yaml, std::string_view file);

// The families of one answer, without the samples that cannot be.
struct MetricAnswer {
    std::vector<MetricFamily> families;
    std::optional<Fault> wrong;  // refused: which of the listed columns are missing, or hold a value that is no number
};
MetricAnswer to_families(const MetricQuery& query, const Rows& rows, int server_version_num);

// Shell glob as target_databases has it: *, ? and [..]. A text without them is a name.
bool is_pattern(std::string_view text);
bool matches_database(std::string_view pattern, const std::string& database);

// src/postgres/default_metrics.yaml and collector_metrics.yaml, embedded.
extern const std::string_view default_metrics_yaml;
extern const std::string_view collector_metrics_yaml;

}  // namespace pgbosun::postgres
