#pragma once
// The server's own figures.

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "pgbosun/metric.hpp"

namespace pgbosun::http {

struct Traffic {
    std::map<int, std::uint64_t> answered;  // by status code
    std::size_t tcp_connections = 0;
    std::size_t unix_connections = 0;
    std::size_t event_streams = 0;
    std::uint64_t turned_away = 0;      // connections over the limit
    std::uint64_t accept_failures = 0;  // out of descriptors, most likely
    std::uint64_t handshake_failures = 0;
};

std::vector<MetricFamily> traffic_metrics(const Traffic& traffic);

}  // namespace pgbosun::http
