#pragma once
// TLS as we speak it: 1.2 and newer, certificates in PEM.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace boost::asio::ssl {
class context;
}

namespace pgbosun::http {

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

// What is in the files that HttpSettings names, so that the server itself never waits for a disk; none: not named.
struct ServerFiles {
    std::optional<std::string> token;  // as token_in() gives it
    std::optional<std::string> certificate, key, client_ca;
    std::optional<std::string> ca;  // the server itself needs none
};

constexpr std::size_t longest_pem_file = std::size_t{1} << 20;

// Blocks on the disk. refused: says which file cannot be read.
Result<ServerFiles> read_server_files(const HttpSettings& settings);

// Null: no cert_file is set. A client certificate is asked for when client_ca is set but need not be shown (the
// kubelet has none); one that is shown must be good. refused: says which file and what is wrong with it.
Result<TlsContext> server_tls(const HttpSettings& settings, const ServerFiles& files);

// Whether what ca_file holds can be trusted, where it is named. refused: says which file and what is wrong with it.
Result<> check_authority(const HttpSettings& settings, const ServerFiles& files);

struct ClientTrust {
    std::optional<std::string> ca_file;  // none: the system's
    std::optional<std::string> cert_file, key_file;
    std::optional<std::string> ca_text;  // what is in ca_file, for who must not wait for a disk
};
Result<TlsContext> client_tls(const ClientTrust& trust);

}  // namespace pgbosun::http
