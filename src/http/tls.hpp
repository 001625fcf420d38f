#pragma once
// TLS as we speak it: 1.2 and newer, certificates from PEM files. Reading them is the only disk access of the server.

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

// Null: no cert_file is set. A client certificate is asked for when client_ca is set but need not be shown (the
// kubelet has none); one that is shown must be good. refused: says which file and what is wrong with it.
Result<TlsContext> server_tls(const HttpSettings& settings);

struct ClientTrust {
    std::optional<std::string> ca_file;  // none: the system's
    std::optional<std::string> cert_file, key_file;
};
Result<TlsContext> client_tls(const ClientTrust& trust);

}  // namespace pgbosun::http
