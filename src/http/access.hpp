#pragma once
// Who may control the instance: whoever reaches the Unix socket as our own user or as root, and over TCP whoever
// shows the token or a client certificate that the configured authority has signed.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "http/problem.hpp"

namespace pgbosun::http {

struct UnixPeer {
    std::uint32_t uid = 0;  // SO_PEERCRED: who connected, as the kernel saw it
};
struct TcpPeer {
    std::string address;                     // without port
    std::optional<std::string> certificate;  // subject of the client certificate, when it was verified
};
using Peer = std::variant<UnixPeer, TcpPeer>;

// What the configuration accepts.
struct Credentials {
    std::uint32_t own_uid = 0;
    std::optional<std::string> token;
    bool client_certificates = false;  // TLS with http.client_ca
};

struct Admitted {
    std::string asked_by;  // "token from 10.0.0.7"
};

// Before a connection over the Unix socket is served at all.
std::optional<Problem> turn_away(const Peer& peer, const Credentials& credentials);

// `authorization`: the field's value, empty when it was not sent.
std::variant<Admitted, Problem> may_control(const Peer& peer, std::string_view authorization,
                                            const Credentials& credentials);

// Takes a time that depends on the length of `given` only.
bool same_secret(std::string_view secret, std::string_view given);

}  // namespace pgbosun::http
