#include "app/query_files.hpp"

#include <algorithm>
#include <utility>

namespace pgbosun::app {
namespace {

using postgres::MetricQuery;

Result<std::vector<MetricQuery>> queries_of(const QueryFile& file) {
    if (!file.text) return std::unexpected(Fault(file.text.error()).in(file.name));
    auto queries = postgres::parse_metric_queries(*file.text, file.name);
    if (!queries) return queries;
    for (auto& query : *queries) query.written_by = postgres::WrittenBy::user;
    return queries;
}

std::vector<MetricQuery> built_in(const MetricsSettings& settings) {
    if (!settings.default_queries) return {};
    // It is part of this program, and a unit test reads it.
    return postgres::parse_metric_queries(postgres::default_metrics_yaml, "default_metrics.yaml").value();
}

void add(QueriesToRun& result, std::vector<MetricQuery> queries, const std::string& file) {
    for (auto& query : queries) {
        const auto same = std::ranges::find(result.queries, query.key, &MetricQuery::key);
        if (same == result.queries.end()) {
            result.queries.push_back(std::move(query));
        } else {
            result.replaced.push_back({query.key, file, query.line});
            *same = std::move(query);
        }
    }
}

}  // namespace

QueriesToRun queries_to_run(const MetricsSettings& settings, const std::vector<QueryFile>& files,
                            const QueriesOfFiles& before) {
    QueriesToRun result{.queries = built_in(settings)};
    for (const auto& file : files) {
        auto queries = queries_of(file);
        if (!queries) {
            result.unusable.push_back(std::move(queries.error()));
            const auto last = before.find(file.name);
            if (last == before.end()) continue;
            queries = last->second;
        }
        result.of_files[file.name] = *queries;
        add(result, *std::move(queries), file.name);
    }
    return result;
}

void check_query_files(ReadSettings& read, const Outside& outside) {
    std::vector<QueryFile> files;
    for (const auto& path : read.settings.metrics.queries_files)
        files.push_back({path, outside.read(path, postgres::longest_query_file)});
    for (const auto& file : files) {
        if (!file.text) continue;  // that it cannot be read is found with every file that the configuration names
        for (auto& finding : postgres::read_metric_queries(*file.text).findings) {
            read.findings.push_back({.severity = Severity::error,
                                     .file = file.name,
                                     .line = finding.line,
                                     .what = std::move(finding.what),
                                     .hint = std::move(finding.hint)});
        }
    }
    for (const auto& replaced : queries_to_run(read.settings.metrics, files, {}).replaced) {
        read.findings.push_back({.severity = Severity::warning,
                                 .file = replaced.file,
                                 .line = replaced.line,
                                 .what = replaced.name + " takes the place of another query of this name",
                                 .hint = "give it another name if both are wanted"});
    }
}

}  // namespace pgbosun::app
