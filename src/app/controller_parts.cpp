#include "app/controller_parts.hpp"

#include <algorithm>
#include <utility>

#include "cluster_record/etcd_record.hpp"
#include "cluster_record/kubernetes_publication.hpp"
#include "cluster_record/kubernetes_record.hpp"
#include "http/agent_client.hpp"
#include "http/token_file.hpp"

namespace pgbosun::app {

using namespace std::chrono_literals;

controller::Policy policy_of(const ControllerSettings& settings) {
    controller::Policy policy;
    policy.cluster = settings.cluster;
    policy.ttl = settings.ttl;
    policy.restart_window = settings.restart_window;
    policy.max_lag = settings.max_lag;
    for (const auto& it : settings.instances)
        policy.members.push_back({{it.name, it.url, it.conninfo}, it.priority, it.upstream, it.synchronous});
    policy.source = settings.source;
    if (const auto& wish = settings.synchronous) {
        policy.synchronous = controller::SynchronousWish{wish->method, wish->number, wish->data_durability};
    }
    return policy;
}

std::string advertised(const ControllerSettings& settings, const EnvironmentView& environment, std::uint16_t port) {
    if (settings.advertise) return *settings.advertise;
    const auto host = settings.http.listen.substr(0, settings.http.listen.rfind(':'));
    const bool everywhere = host.empty() || host == "*" || host == "0.0.0.0" || host == "[::]";
    const auto name = environment.variable("HOSTNAME").value_or("");
    const std::string own = name.empty() ? environment.hostname : name;
    return (settings.http.cert_file ? "https://" : "http://") + (everywhere ? own : host) + ":" + std::to_string(port);
}

namespace {

Result<Engine> etcd_engine(boost::asio::io_context& loop, const ControllerSettings& settings,
                           const std::string& candidate) {
    cluster_record::EtcdOptions options;
    options.endpoints = settings.etcd->endpoints;
    options.cluster = settings.cluster;
    options.candidate = candidate;
    options.trust = {settings.etcd->ca_file, settings.etcd->cert_file, settings.etcd->key_file};
    options.user = settings.etcd->user;
    options.password_file = settings.etcd->password_file;
    options.request_timeout = std::min<Duration>(1s, settings.ttl / 3);
    auto record = cluster_record::EtcdRecord::make(loop, std::move(options));
    if (!record) return std::unexpected(std::move(record.error()));
    return Engine{std::move(*record), nullptr, {}};
}

}  // namespace

Result<cluster_record::KubernetesClient> kubernetes_client(boost::asio::io_context& loop,
                                                           const ControllerSettings& settings,
                                                           const std::string& candidate,
                                                           const EnvironmentView& environment) {
    const KubernetesSettings& given = *settings.kubernetes;
    auto options = given.server ? Result<cluster_record::KubernetesOptions>(cluster_record::KubernetesOptions{})
                                : cluster_record::in_cluster(environment.variable);
    if (!options) return std::unexpected(std::move(options.error()));
    if (given.server) options->server = *given.server;
    if (given.name_space) options->name_space = *given.name_space;
    if (given.token_file) options->token_file = given.token_file;
    if (given.ca_file) options->ca_file = given.ca_file;
    if (options->name_space.empty()) {
        return fail(FaultKind::refused, "the namespace is not known", "set record.kubernetes.namespace");
    }
    options->cluster = settings.cluster;
    options->candidate = candidate;
    options->request_timeout = std::min<Duration>(2s, settings.ttl / 3);
    return cluster_record::KubernetesClient::make(loop, std::move(*options));
}

Result<Engine> engine_of(boost::asio::io_context& loop, const Clock& clock, const ControllerSettings& settings,
                         const std::string& candidate, const EnvironmentView& environment) {
    if (settings.etcd) return etcd_engine(loop, settings, candidate);
    auto client = kubernetes_client(loop, settings, candidate, environment);
    if (!client) return std::unexpected(std::move(client.error()));
    return Engine{std::make_unique<cluster_record::KubernetesRecord>(*client, clock),
                  std::make_unique<cluster_record::KubernetesPublication>(*client, clock), *client};
}

Result<AgentLinks> links_of(boost::asio::io_context& loop, const ControllerSettings& settings) {
    AgentLinks links;
    http::AgentTimes times;
    times.status = std::min<Duration>(times.status, settings.ttl / 3);
    http::ClientTrust trust;
    trust.ca_file = settings.ca_file;
    const auto tls = std::make_shared<http::ClientTls>(std::move(trust));
    for (const auto& instance : settings.instances) {
        auto client = http::Client::url(instance.url, tls);
        if (!client) return std::unexpected(std::move(client.error()).in("instances"));
        links[instance.name] = std::make_unique<http::AgentClient>(
            loop, std::move(*client), [file = settings.token_file] { return http::read_token(file); }, times);
    }
    return links;
}

}  // namespace pgbosun::app
