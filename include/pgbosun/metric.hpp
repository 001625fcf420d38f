#pragma once
// What is measured, before it is put into anybody's text format.

#include <string>
#include <utility>
#include <vector>

namespace pgbosun {

enum class MetricKind { gauge, counter, histogram };

struct MetricSample {
    std::vector<std::pair<std::string, std::string>> labels;  // name, value
    double value = 0;                                         // gauge and counter
    std::vector<std::pair<double, double>> buckets;           // histogram: upper bound, cumulative count
    double sum = 0;                                           // histogram
    double count = 0;                                         // histogram
};

struct MetricFamily {
    std::string name;  // whole name, "cnpg_pg_replication_lag"
    std::string help;
    MetricKind kind = MetricKind::gauge;
    std::vector<MetricSample> samples;
};

}  // namespace pgbosun
