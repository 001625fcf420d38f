#pragma once
// Decision: which metric queries the settings ask for, given what is in the files that they name.

#include <string>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"
#include "postgres/metric_queries.hpp"

namespace pgbosun::app {

struct QueryFile {
    std::string name;  // for messages
    std::string text;
};

// The built-in ones where they are wanted, and those of the files. refused: the first thing that is wrong, and where.
Result<std::vector<postgres::MetricQuery>> metric_queries(const MetricsSettings& settings,
                                                          const std::vector<QueryFile>& files);

}  // namespace pgbosun::app
