// The part of Agent that speaks with the other instances of a managed cluster.
#include <utility>

#include "app/agent.hpp"
#include "app/upstream_addresses.hpp"
#include "http/assignment_wire.hpp"
#include "postgres/conninfo.hpp"
#include "supervision/preparation.hpp"

namespace pgbosun::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration longest_statement = 1min;

// `files`: what `http` names, read before, for PID 1 does not wait for a disk. Only what the system trusts is read here, once.
std::shared_ptr<http::ClientTls> peer_tls(const HttpSettings& http, const http::ServerFiles& files) {
    http::ClientTrust trust;
    trust.ca_file = http.ca_file ? http.ca_file : http.client_ca;
    trust.ca_text = http.ca_file ? files.ca : files.client_ca;
    return std::make_shared<http::ClientTls>(std::move(trust), http::ClientTls::Look::once);
}

}  // namespace

supervision::ClusterWiring Agent::cluster_wiring() {
    supervision::ClusterWiring wiring;
    wiring.codec = {http::render_agent_record, http::parse_agent_record};
    wiring.guard = [this](std::optional<Instant> moment) { guard_->hold_until(moment); };
    wiring.ask = [this](Peer member, PromiseRequest request) {
        return ask_member(std::move(member), std::move(request));
    };
    wiring.look_at = [this](Peer member) { return look_at_member(std::move(member)); };
    return wiring;
}

Result<http::AgentClient> Agent::client_of(const Peer& member) {
    if (!peer_tls_) peer_tls_ = peer_tls(settings_.http, http_files_);
    auto client = http::Client::url(member.url, peer_tls_);
    if (!client) return std::unexpected(std::move(client.error()).in(member.name));
    http::AgentTimes times;
    times.status = times.promise = settings_.lease.ttl / 3;
    return http::AgentClient(loop_, std::move(*client), [token = http_files_.token] { return token; }, times);
}

Task<Result<PromiseAnswer>> Agent::ask_member(Peer member, PromiseRequest request) {
    auto client = client_of(member);
    if (!client) co_return std::unexpected(std::move(client.error()));
    co_return co_await client->promise(std::move(request));
}

Task<Result<InstanceStatus>> Agent::look_at_member(Peer member) {
    auto client = client_of(member);
    if (!client) co_return std::unexpected(std::move(client.error()));
    co_return co_await client->status();
}

Task<Result<std::unique_ptr<PgSession>>> Agent::open_upstream(std::string conninfo) {
    auto parsed = postgres::parse_conninfo(conninfo);
    if (!parsed) co_return std::unexpected(std::move(parsed.error()));
    postgres::UpstreamDefaults defaults;
    defaults.user = settings_.postgresql.replication.user;
    defaults.application_name = settings_.instance + "-compare";
    auto further = postgres::with_upstream_defaults(std::move(*parsed), defaults);
    further["dbname"] = "postgres";
    if (const auto& file = settings_.postgresql.replication.password_file) {
        std::string path = *file;
        auto password = co_await supervision::read_secret(surroundings_, std::move(path));
        if (!password) co_return std::unexpected(std::move(password.error()));
        further["password"] = std::move(*password);  // in memory only
    }
    auto hosts = postgres::each_host(further);
    if (!hosts) co_return std::unexpected(std::move(hosts.error()));
    auto reachable = co_await with_addresses(loop_, std::move(*hosts));
    if (!reachable) co_return std::unexpected(std::move(reachable.error()));
    postgres::SessionTarget target;
    target.route = postgres::Route::walsender;
    target.statement_timeout = longest_statement;
    target.any_of = std::move(*reachable);
    std::unique_ptr<PgSession> session = std::make_unique<postgres::LibpqSession>(loop_, std::move(target));
    co_return session;
}

}  // namespace pgbosun::app
