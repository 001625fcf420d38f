#include "http/access.hpp"

#include <algorithm>
#include <utility>

namespace pgbosun::http {
namespace {

// RFC 9110, 11.1: the scheme's name is not case-sensitive.
std::optional<std::string_view> bearer_token(std::string_view authorization) {
    static constexpr std::string_view scheme = "bearer ";
    if (authorization.size() <= scheme.size()) return std::nullopt;
    for (std::size_t i = 0; i < scheme.size(); ++i) {
        const char c = authorization[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c) != scheme[i]) return std::nullopt;
    }
    authorization.remove_prefix(scheme.size());
    authorization.remove_prefix(std::min(authorization.find_first_not_of(' '), authorization.size()));
    return authorization;
}

Problem not_configured() {
    return {403,
            "control over TCP is switched off: neither a token nor client certificates are configured",
            "set http.token_file (or http.client_ca with http.cert_file and http.key_file), or ask through the Unix "
            "socket: curl --unix-socket <run_dir>/control.sock",
            {}};
}

std::variant<Admitted, Problem> admit_tcp(const TcpPeer& peer, std::string_view authorization,
                                          const Credentials& credentials) {
    if (credentials.client_certificates && peer.certificate) {
        return Admitted{"certificate " + *peer.certificate + " from " + peer.address};
    }
    if (!credentials.token && !credentials.client_certificates) return not_configured();
    if (!credentials.token) {
        return Problem{403,
                       "control over TCP needs a client certificate, and none was shown",
                       "use a certificate that http.client_ca has signed: curl --cert FILE --key FILE, "
                       "pgbosun --cert-file FILE --key-file FILE",
                       {}};
    }
    const auto given = bearer_token(authorization);
    if (!given) {
        return Problem{401, "control over TCP needs the bearer token",
                       "send it as: Authorization: Bearer <contents of http.token_file>",
                       "WWW-Authenticate: Bearer realm=\"pgbosun\"\r\n"};
    }
    if (!same_secret(*credentials.token, *given)) {
        return Problem{401, "the bearer token is not the one of http.token_file",
                       "compare the two; after a change of the file, SIGHUP makes pgbosun read it again",
                       "WWW-Authenticate: Bearer realm=\"pgbosun\", error=\"invalid_token\"\r\n"};
    }
    return Admitted{"token from " + peer.address};
}

}  // namespace

bool same_secret(std::string_view secret, std::string_view given) {
    if (secret.empty()) return false;
    // volatile: the compiler may not leave the loop early.
    volatile unsigned difference = secret.size() == given.size() ? 0U : 1U;
    for (std::size_t i = 0; i < given.size(); ++i) {
        difference = difference | static_cast<unsigned>(static_cast<unsigned char>(given[i]) ^
                                                        static_cast<unsigned char>(secret[i % secret.size()]));
    }
    return difference == 0;
}

std::optional<Problem> turn_away(const Peer& peer, const Credentials& credentials) {
    const auto* unix_peer = std::get_if<UnixPeer>(&peer);
    if (!unix_peer || unix_peer->uid == 0 || unix_peer->uid == credentials.own_uid) return std::nullopt;
    const auto own = std::to_string(credentials.own_uid);
    return Problem{403,
                   "uid " + std::to_string(unix_peer->uid) + " may not use this socket",
                   "run the command as uid " + own + " or root",
                   {}};
}

std::variant<Admitted, Problem> may_control(const Peer& peer, std::string_view authorization,
                                            const Credentials& credentials) {
    if (auto problem = turn_away(peer, credentials)) return std::move(*problem);
    if (const auto* unix_peer = std::get_if<UnixPeer>(&peer)) {
        return Admitted{"uid " + std::to_string(unix_peer->uid) + " through the socket"};
    }
    return admit_tcp(std::get<TcpPeer>(peer), authorization, credentials);
}

}  // namespace pgbosun::http
