// The part of Agent that speaks with the other instances of a managed cluster.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "app/agent.hpp"
#include "http/agent_client.hpp"
#include "http/assignment_wire.hpp"
#include "postgres/conninfo.hpp"
#include "supervision/preparation.hpp"

namespace pgbosun::app {
namespace {

using namespace std::chrono_literals;

constexpr Duration longest_statement = 1min;
constexpr std::size_t most_addresses = 4;  // of one name

// `files`: what settings.http names, read before, for PID 1 does not wait for a disk.
Result<http::AgentClient> client_of(boost::asio::io_context& loop, const Settings& settings,
                                    const http::ServerFiles& files, const Peer& member) {
    http::ClientTrust trust;
    trust.ca_file = settings.http.ca_file ? settings.http.ca_file : settings.http.client_ca;
    trust.ca_text = settings.http.ca_file ? files.ca : files.client_ca;
    auto client = http::Client::url(member.url, std::move(trust));
    if (!client) return std::unexpected(std::move(client.error()).in(member.name));
    http::AgentTimes times;
    times.status = times.promise = settings.lease.ttl / 3;
    return http::AgentClient(loop, std::move(*client), [token = files.token] { return token; }, times);
}

// Addresses in place of a name: libpq would wait for the name server.
Task<Result<std::vector<std::string>>> resolve(boost::asio::io_context& loop, std::string host) {
    std::vector<std::string> addresses;
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(host, error);
    if (!error) {
        addresses.push_back(address.to_string());
        co_return addresses;
    }
    boost::asio::ip::tcp::resolver resolver(loop);
    const std::string no_service;
    const auto found = co_await resolver.async_resolve(host, no_service,
                                                       boost::asio::redirect_error(boost::asio::use_awaitable, error));
    if (error || found.empty()) co_return fail(FaultKind::unavailable, "the name " + host + " cannot be resolved");
    for (const auto& entry : found) {
        if (addresses.size() == most_addresses) break;
        addresses.push_back(entry.endpoint().address().to_string());
    }
    co_return addresses;
}

// Whoever of the hosts has an address; unavailable: nobody.
Task<Result<std::vector<postgres::Conninfo>>> with_addresses(boost::asio::io_context& loop,
                                                             std::vector<postgres::Conninfo> hosts) {
    std::vector<postgres::Conninfo> found;
    std::optional<Fault> lack;
    for (auto& one : hosts) {
        const auto host = one.find("host");
        const bool named = host != one.end() && !host->second.starts_with('/') && !one.contains("hostaddr");
        if (!named) {
            found.push_back(std::move(one));
            continue;
        }
        std::string name = host->second;
        const auto addresses = co_await resolve(loop, std::move(name));
        if (!addresses) {
            lack = addresses.error();
            continue;
        }
        for (const auto& address : *addresses) {
            found.push_back(one);
            found.back()["hostaddr"] = address;
        }
    }
    if (found.empty() && lack) co_return std::unexpected(std::move(*lack));
    co_return found;
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

Task<Result<PromiseAnswer>> Agent::ask_member(Peer member, PromiseRequest request) {
    auto client = client_of(loop_, settings_, http_files_, member);
    if (!client) co_return std::unexpected(std::move(client.error()));
    co_return co_await client->promise(std::move(request));
}

Task<Result<InstanceStatus>> Agent::look_at_member(Peer member) {
    auto client = client_of(loop_, settings_, http_files_, member);
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
