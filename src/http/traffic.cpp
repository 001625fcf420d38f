#include "http/traffic.hpp"

#include <string>

namespace pgbosun::http {
namespace {

MetricFamily one(std::string name, std::string help, MetricKind kind, double value) {
    return {std::move(name), std::move(help), kind, {MetricSample{.value = value}}};
}

}  // namespace

std::vector<MetricFamily> traffic_metrics(const Traffic& traffic) {
    std::vector<MetricFamily> families;
    MetricFamily& requests = families.emplace_back(MetricFamily{
        "pgbosun_http_requests_total", "HTTP requests answered, by status code.", MetricKind::counter, {}});
    for (const auto& [code, count] : traffic.answered) {
        requests.samples.push_back({.labels = {{"code", std::to_string(code)}}, .value = static_cast<double>(count)});
    }
    MetricFamily& connections = families.emplace_back(
        MetricFamily{"pgbosun_http_connections", "Open HTTP connections.", MetricKind::gauge, {}});
    connections.samples.push_back(
        {.labels = {{"transport", "tcp"}}, .value = static_cast<double>(traffic.tcp_connections)});
    connections.samples.push_back(
        {.labels = {{"transport", "unix"}}, .value = static_cast<double>(traffic.unix_connections)});
    families.push_back(one("pgbosun_http_event_streams", "Open event streams.", MetricKind::gauge,
                           static_cast<double>(traffic.event_streams)));
    families.push_back(one("pgbosun_http_turned_away_total", "Connections over the limit.", MetricKind::counter,
                           static_cast<double>(traffic.turned_away)));
    families.push_back(one("pgbosun_http_accept_failures_total", "Connections that could not be accepted.",
                           MetricKind::counter, static_cast<double>(traffic.accept_failures)));
    families.push_back(one("pgbosun_http_handshake_failures_total", "TLS handshakes that failed.", MetricKind::counter,
                           static_cast<double>(traffic.handshake_failures)));
    return families;
}

}  // namespace pgbosun::http
