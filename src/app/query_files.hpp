#pragma once
// Decision: which metric queries the settings ask for, given what is in the files that they name. A file that cannot be
// used costs only itself, at the start as at a reload: PostgreSQL, its configuration and the other files do not wait for
// it.

#include <map>
#include <string>
#include <vector>

#include "app/outside.hpp"
#include "app/settings_reader.hpp"
#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"
#include "postgres/metric_queries.hpp"

namespace pgbosun::app {

struct QueryFile {
    std::string name;          // its path, for messages
    Result<std::string> text;  // a Fault: it cannot be read
};

// What each file was good for when it could last be used.
using QueriesOfFiles = std::map<std::string, std::vector<postgres::MetricQuery>>;

struct ReplacedQuery {
    std::string name;
    std::string file;  // whose query of that name is taken, from this line on
    int line = 0;
};

struct QueriesToRun {
    std::vector<postgres::MetricQuery> queries;  // no two have the same name
    QueriesOfFiles of_files;                     // for the next time
    std::vector<Fault> unusable;                 // the files that cannot be used, with place and reason
    std::vector<ReplacedQuery> replaced;
};

// The built-in queries where they are wanted, and those of the files. Of one name the last one is taken, as
// CloudNativePG does. A file that cannot be used gives what it gave in `before`.
QueriesToRun queries_to_run(const MetricsSettings& settings, const std::vector<QueryFile>& files,
                            const QueriesOfFiles& before);

// For `config check`: adds all that is wrong in the files, and which queries take another one's place.
void check_query_files(ReadSettings& read, const Outside& outside);

}  // namespace pgbosun::app
