#pragma once
// Metrics in Prometheus' text format 0.0.4.

#include <string>
#include <string_view>
#include <vector>

#include "pgbosun/metric.hpp"

namespace pgbosun::http {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// Prometheus throws a whole scrape away for one bad line. So a family or sample with a name that it would not take
// is left out, a second family of the same name too, and bytes that are not UTF-8 become '?'.
std::string render_metrics(const std::vector<MetricFamily>& families);

}  // namespace pgbosun::http
