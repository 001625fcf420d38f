#include "app/query_files.hpp"

#include <algorithm>
#include <iterator>

namespace pgbosun::app {

Result<std::vector<postgres::MetricQuery>> metric_queries(const MetricsSettings& settings,
                                                          const std::vector<QueryFile>& files) {
    std::vector<QueryFile> wanted;
    if (settings.default_queries)
        wanted.push_back({"default_metrics.yaml", std::string(postgres::default_metrics_yaml)});
    wanted.insert(wanted.end(), files.begin(), files.end());
    std::vector<postgres::MetricQuery> all;
    for (const auto& file : wanted) {
        auto queries = postgres::parse_metric_queries(file.text, file.name);
        if (!queries) return std::unexpected(std::move(queries.error()));
        std::ranges::move(*queries, std::back_inserter(all));
    }
    return all;
}

}  // namespace pgbosun::app
