#include "http/tls.hpp"

#include <boost/asio/ssl/context.hpp>

namespace pgbosun::http {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

// OpenSSL would ask on the terminal for the password of an encrypted key, and wait.
int no_password(char*, int, int, void*) { return 0; }

TlsContext context_for(ssl::context::method method) {
    auto context = std::make_shared<ssl::context>(method);
    SSL_CTX* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_default_passwd_cb(native, no_password);
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // 34 KB less for each idle connection
    // No resumption: a certificate that was taken back would live on in a ticket.
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(native, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_num_tickets(native, 0);
    return context;
}

std::unexpected<Fault> bad_file(std::string_view setting, const std::string& file, const error_code& error) {
    return fail(FaultKind::refused, std::string(setting) + " " + file + ": " + error.message(),
                "it must be a PEM file that the uid of pgbosun can read; a key must not be encrypted");
}

Result<> load_pair(ssl::context& context, const std::string& cert_file, const std::string& key_file) {
    error_code error;
    context.use_certificate_chain_file(cert_file, error);
    if (error) return bad_file("cert_file", cert_file, error);
    context.use_private_key_file(key_file, ssl::context::pem, error);
    if (error) return bad_file("key_file", key_file, error);
    if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
        return fail(FaultKind::refused, "key_file " + key_file + " does not belong to cert_file " + cert_file);
    }
    return {};
}

}  // namespace

Result<TlsContext> server_tls(const HttpSettings& settings) {
    if (settings.cert_file.has_value() != settings.key_file.has_value()) {
        return fail(FaultKind::refused, "http.cert_file and http.key_file go together, and only one is set");
    }
    if (!settings.cert_file) {
        if (!settings.client_ca) return TlsContext{};
        return fail(FaultKind::refused, "http.client_ca is set without TLS", "set http.cert_file and http.key_file");
    }
    TlsContext context = context_for(ssl::context::tls_server);
    if (auto loaded = load_pair(*context, *settings.cert_file, *settings.key_file); !loaded) {
        return std::unexpected(std::move(loaded.error()).in("http"));
    }
    if (!settings.client_ca) return context;
    error_code error;
    context->load_verify_file(*settings.client_ca, error);
    if (error) return bad_file("http.client_ca", *settings.client_ca, error);
    context->set_verify_mode(ssl::verify_peer);
    return context;
}

Result<TlsContext> client_tls(const ClientTrust& trust) {
    TlsContext context = context_for(ssl::context::tls_client);
    error_code error;
    if (trust.ca_file) {
        context->load_verify_file(*trust.ca_file, error);
        if (error) return bad_file("CA file", *trust.ca_file, error);
    } else {
        context->set_default_verify_paths();
    }
    context->set_verify_mode(ssl::verify_peer);
    if (!trust.cert_file) return context;
    auto loaded = load_pair(*context, *trust.cert_file, trust.key_file.value_or(*trust.cert_file));
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    return context;
}

}  // namespace pgbosun::http
