#pragma once
// Which instance a client command asks.

#include <string>
#include <variant>

#include "app/arguments.hpp"
#include "app/outside.hpp"

namespace pgbosun::app {

inline constexpr std::size_t longest_token = 4096;

// The Unix socket of an instance on this machine.
struct SocketTarget {
    std::string path;
    bool operator==(const SocketTarget&) const = default;
};
struct UrlTarget {
    std::string url;                  // "https://pg-1:8008", without a path
    std::string token;                // a secret; empty: none
    std::string ca_file;              // PEM; empty: the system's
    std::string cert_file, key_file;  // PEM; empty: none
    bool operator==(const UrlTarget&) const = default;
};
using ClientTarget = std::variant<SocketTarget, UrlTarget>;

// "/run/pgbosun/control.sock", "https://pg-1:8008": without a secret.
std::string describe(const ClientTarget& target);

// --url with its token; else the first of: --socket, PGBOSUN_SOCKET, <run_dir of the configuration
// file>/control.sock,
// ./pgbosun-data/run/control.sock, /run/pgbosun/control.sock. The first three are used as they are when
// given, the last two when they exist. not_found: no socket, refused: a file that was named cannot be used.
Result<ClientTarget> choose_target(const Whereabouts& where, const EnvironmentView& environment,
                                   const Outside& outside);

}  // namespace pgbosun::app
