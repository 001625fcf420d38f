#pragma once
// Decision: the metric families that come from the agent's own facts and not from SQL.

#include <cstddef>
#include <vector>

#include "pgbosun/instance_status.hpp"
#include "pgbosun/metric.hpp"
#include "supervision/monitor.hpp"

namespace pgbosun::supervision {

void add_own_metrics(std::vector<MetricFamily>& families, const InstanceStatus& status, const MonitoredFacts& facts,
                     std::size_t orphans_reaped);

}  // namespace pgbosun::supervision
