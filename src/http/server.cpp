#include "http/server.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/listener.hpp"
#include "http/session.hpp"

namespace pgbosun::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr Duration accept_pause = std::chrono::milliseconds(100);  // out of descriptors: nothing to gain by hurrying

// An exception here is a bug of ours and ends the program, but for what our own cancellation throws.
void finish(const std::exception_ptr& thrown) {
    if (!thrown) return;
    try {
        std::rethrow_exception(thrown);
    } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted) throw;
    }
}

Duration sweep_interval(const Limits& limits) {
    const Duration shortest = std::min({limits.head, limits.idle, limits.body, limits.write, limits.linger});
    return std::clamp<Duration>(shortest / 4, std::chrono::milliseconds(5), std::chrono::seconds(1));
}

void arm_sweep(const std::shared_ptr<ServerState>& state) {
    if (state->sweeping == ServerState::Sweep::armed || state->sessions.empty()) return;
    state->sweeping = ServerState::Sweep::armed;
    state->sweep.expires_after(sweep_interval(state->limits));
    state->sweep.async_wait([state](const error_code& error) {
        state->sweeping = ServerState::Sweep::idle;
        if (error) return;
        const auto now = std::chrono::steady_clock::now();
        for (const auto& session : state->sessions) session->expire(now);
        arm_sweep(state);
    });
}

std::size_t& count_of(ServerState& state, const Peer& peer) {
    return std::holds_alternative<UnixPeer>(peer) ? state.traffic.unix_connections : state.traffic.tcp_connections;
}

std::size_t limit_of(const ServerState& state, const Peer& peer) {
    return std::holds_alternative<UnixPeer>(peer) ? state.limits.unix_connections : state.limits.tcp_connections;
}

void forget(const std::shared_ptr<ServerState>& state, const std::shared_ptr<Session>& session) {
    --count_of(*state, session->peer());
    state->sessions.remove(session);
    if (state->sessions.empty()) state->sweep.cancel();
}

void serve(const std::shared_ptr<ServerState>& state, const std::shared_ptr<Session>& session) {
    state->sessions.push_back(session);
    ++count_of(*state, session->peer());
    arm_sweep(state);
    // Forgotten in a turn of its own: the slot belongs to the session and has to outlive the coroutine's last step.
    auto ended = [state, session](const std::exception_ptr& thrown) {
        asio::post(state->io, [state, session] { forget(state, session); });
        finish(thrown);
    };
    asio::co_spawn(state->io, session->run(), asio::bind_cancellation_slot(session->slot(), std::move(ended)));
}

Peer peer_of(Socket& socket, const Listener& listener) {
    if (listener.is_unix()) {
        ucred who{};
        socklen_t length = sizeof who;
        // Not known who it is: nobody who may do anything.
        if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &length) != 0) {
            who.uid = static_cast<uid_t>(-1);
        }
        return UnixPeer{who.uid};
    }
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    std::array<char, NI_MAXHOST> host{};
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    if (::getpeername(socket.native_handle(), raw, &length) != 0 ||
        ::getnameinfo(raw, length, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
        return TcpPeer{"an unknown address", std::nullopt};
    }
    return TcpPeer{host.data(), std::nullopt};
}

Refusal overloaded() {
    return {{503, "too many connections are open", "close some and ask again", "Retry-After: 1\r\n"},
            Refusal::Spares::checks};
}

// Whoever is idle for longest makes room: for a pool of forgotten connections nobody is sent away.
bool make_room(ServerState& state, const Peer& peer) {
    std::shared_ptr<Session> longest;
    for (const auto& session : state.sessions) {
        if (session->peer().index() != peer.index() || !session->idle_since()) continue;
        if (!longest || *session->idle_since() < *longest->idle_since()) longest = session;
    }
    if (longest) longest->stop();
    return longest != nullptr;
}

std::optional<Refusal> refusal_of(const Peer& peer, const Credentials& credentials) {
    auto problem = turn_away(peer, credentials);
    if (!problem) return std::nullopt;
    return Refusal{std::move(*problem), Refusal::Spares::nothing};
}

std::unique_ptr<ByteStream> stream_over(ServerState& state, const Listener& listener, Socket socket) {
    const bool tls = state.tls && !listener.is_unix() && listener.entrance() == Entrance::api;
    return tls ? tls_server_stream(std::move(socket), *state.tls) : plain_stream(std::move(socket));
}

void admit(const std::shared_ptr<ServerState>& state, const Listener& listener, Socket socket) {
    ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
    const int on = 1;
    if (!listener.is_unix()) ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    Peer peer = peer_of(socket, listener);
    auto refusal = refusal_of(peer, state->credentials);
    if (count_of(*state, peer) >= limit_of(*state, peer) && !make_room(*state, peer)) {
        ++state->traffic.turned_away;
        if (count_of(*state, peer) >= limit_of(*state, peer) + state->limits.surplus_connections) return;
        if (!refusal) refusal = overloaded();
    }
    serve(state, std::make_shared<Session>(*state, stream_over(*state, listener, std::move(socket)), std::move(peer),
                                           listener.entrance(), std::move(refusal)));
}

Task<> accept_all(std::shared_ptr<ServerState> state, std::shared_ptr<Listener> listener) {
    asio::steady_timer pause(state->io);
    while (listener->acceptor().is_open()) {
        auto [error, socket] = co_await listener->acceptor().async_accept(asio::as_tuple(asio::use_awaitable));
        if (!listener->acceptor().is_open()) co_return;
        if (!error) {
            admit(state, *listener, std::move(socket));
            continue;
        }
        ++state->traffic.accept_failures;
        pause.expires_after(accept_pause);
        co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    }
}

std::string_view port_in(std::string_view address) { return address.substr(address.rfind(':') + 1); }

struct Secrets {
    TlsContext tls;
    Credentials credentials;
};

Result<Secrets> secrets_of(const HttpSettings& http, ServerFiles files) {
    // It is for asking others, and refused with the rest: all files are taken or none.
    if (auto good = check_authority(http, files); !good) return std::unexpected(std::move(good.error()));
    auto tls = server_tls(http, files);
    if (!tls) return std::unexpected(std::move(tls.error()));
    return Secrets{std::move(*tls), {::geteuid(), std::move(files.token), http.client_ca.has_value()}};
}

}  // namespace

Server::Server(asio::io_context& io, InstanceControl& control, Journal& journal, const HttpSettings& http,
               const MetricsSettings& metrics, std::string control_socket, Limits limits)
    : state_(std::make_shared<ServerState>(io, control, journal, limits)), io_(io), http_(http), metrics_(metrics),
      control_socket_(std::move(control_socket)) {}

Server::Server(asio::io_context& io, Site& site, const HttpSettings& http, Limits limits)
    : state_(std::make_shared<ServerState>(io, site, limits)), io_(io), http_(http) {}

Server::~Server() { stop(); }

Result<> Server::start(ServerFiles files) {
    auto secrets = secrets_of(http_, std::move(files));
    if (!secrets) return std::unexpected(std::move(secrets.error()));
    auto tcp = Listener::tcp(io_, http_.listen, Entrance::api);
    if (!tcp) return std::unexpected(std::move(tcp.error()).in("http.listen"));
    std::shared_ptr<Listener> metrics_only;
    if (metrics_.listen) {
        auto listener = Listener::tcp(io_, *metrics_.listen, Entrance::metrics_only);
        if (!listener) return std::unexpected(std::move(listener.error()).in("metrics.listen"));
        metrics_only = std::move(*listener);
    }
    std::shared_ptr<Listener> local;
    if (!control_socket_.empty()) {
        auto listener = Listener::unix_socket(io_, control_socket_);
        if (!listener) return std::unexpected(std::move(listener.error()));
        local = std::move(*listener);
    }
    state_->tls = std::move(secrets->tls);
    state_->credentials = std::move(secrets->credentials);
    tcp_ = std::move(*tcp);
    unix_ = std::move(local);
    metrics_only_ = std::move(metrics_only);
    for (const auto& listener : {tcp_, unix_, metrics_only_}) {
        if (listener) asio::co_spawn(io_, accept_all(state_, listener), finish);
    }
    return {};
}

void Server::stop() {
    for (const auto& listener : {tcp_, unix_, metrics_only_}) {
        if (listener) listener->close();
    }
    for (const auto& session : state_->sessions) session->stop();
    state_->sweep.cancel();
}

Result<> Server::reload(const HttpSettings& http, ServerFiles files) {
    auto secrets = secrets_of(http, std::move(files));
    if (!secrets) return std::unexpected(std::move(secrets.error()));
    if (http.listen != http_.listen) {
        if (auto moved = move_to(http.listen); !moved) return moved;
    }
    state_->tls = std::move(secrets->tls);
    state_->credentials = std::move(secrets->credentials);
    http_ = http;
    return {};
}

Result<> Server::move_to(const std::string& address) {
    auto moved = Listener::tcp(io_, address, Entrance::api);
    // 0.0.0.0 and 127.0.0.1 cannot both have the port: ours goes first, and comes back when that was not what was wrong.
    if (!moved && port_in(address) == std::to_string(port())) {
        tcp_->close();
        moved = Listener::tcp(io_, address, Entrance::api);
        if (!moved) {
            const std::string before(http_.listen.substr(0, http_.listen.rfind(':') + 1) +
                                     std::to_string(tcp_->port()));
            if (auto back = Listener::tcp(io_, before, Entrance::api)) accept_from(std::move(*back));
        }
    }
    if (!moved) return std::unexpected(std::move(moved.error()).in("http.listen"));
    tcp_->close();
    accept_from(std::move(*moved));
    return {};
}

void Server::accept_from(std::shared_ptr<Listener> listener) {
    tcp_ = std::move(listener);
    asio::co_spawn(io_, accept_all(state_, tcp_), finish);
}

std::uint16_t Server::port() const { return tcp_ ? tcp_->port() : 0; }
std::uint16_t Server::metrics_port() const { return metrics_only_ ? metrics_only_->port() : 0; }
std::size_t Server::connections() const { return state_->sessions.size(); }

}  // namespace pgbosun::http
