#pragma once
// Decision: each series comes from one query in one database. Prometheus takes a scrape badly in which one comes twice.

#include <optional>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/metric.hpp"

namespace pgbosun::postgres {

// Removes from `fresh` the samples that come twice in it, that one of `others` has, or that are of another kind than its
// family of that name. The Fault names the first.
std::optional<Fault> drop_known_series(std::vector<MetricFamily>& fresh,
                                       const std::vector<const std::vector<MetricFamily>*>& others);

}  // namespace pgbosun::postgres
