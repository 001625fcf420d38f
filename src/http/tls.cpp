#include "http/tls.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cerrno>

#include "http/token_file.hpp"
#include "pgbosun/descriptor.hpp"

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

struct Pem {
    std::string file;  // where it is from
    std::string text;
};

Result<Pem> read_pem(std::string_view setting, const std::string& file) {
    std::string text(longest_pem_file + 1, '\0');
    // Not blocking, should somebody have put a FIFO there.
    const Descriptor input(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    std::size_t length = 0;
    ssize_t count = input ? 0 : -1;
    while (count >= 0 && length < text.size()) {
        count = ::read(input.get(), text.data() + length, text.size() - length);
        if (count <= 0) break;
        length += static_cast<std::size_t>(count);
    }
    if (count < 0) return bad_file(setting, file, error_code(errno, boost::system::system_category()));
    if (length > longest_pem_file)
        return fail(FaultKind::refused, std::string(setting) + " " + file + " is longer than 1 MiB");
    text.resize(length);
    return Pem{file, std::move(text)};
}

Result<> load_pair(ssl::context& context, const Pem& certificate, const Pem& key) {
    error_code error;
    context.use_certificate_chain(boost::asio::buffer(certificate.text), error);
    if (error) return bad_file("cert_file", certificate.file, error);
    context.use_private_key(boost::asio::buffer(key.text), ssl::context::pem, error);
    if (error) return bad_file("key_file", key.file, error);
    if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
        return fail(FaultKind::refused, "key_file " + key.file + " does not belong to cert_file " + certificate.file);
    }
    return {};
}

Result<> load_authority(ssl::context& context, std::string_view setting, const Pem& authority) {
    error_code error;
    context.add_certificate_authority(boost::asio::buffer(authority.text), error);
    if (error) return bad_file(setting, authority.file, error);
    return {};
}

}  // namespace

Result<ServerFiles> read_server_files(const HttpSettings& settings) {
    ServerFiles files;
    auto token = read_token(settings.token_file);
    if (!token) return std::unexpected(std::move(token.error()).in("http.token_file"));
    files.token = std::move(*token);
    const auto read = [](const char* setting, const std::optional<std::string>& file,
                         std::optional<std::string>& into) -> Result<> {
        if (!file) return {};
        auto pem = read_pem(setting, *file);
        if (!pem) return std::unexpected(std::move(pem.error()));
        into = std::move(pem->text);
        return {};
    };
    auto done = read("http.cert_file", settings.cert_file, files.certificate);
    if (done) done = read("http.key_file", settings.key_file, files.key);
    if (done) done = read("http.client_ca", settings.client_ca, files.client_ca);
    if (done) done = read("http.ca_file", settings.ca_file, files.ca);
    if (!done) return std::unexpected(std::move(done.error()));
    return files;
}

Result<TlsContext> server_tls(const HttpSettings& settings, const ServerFiles& files) {
    if (settings.cert_file.has_value() != settings.key_file.has_value()) {
        return fail(FaultKind::refused, "http.cert_file and http.key_file go together, and only one is set");
    }
    if (!settings.cert_file) {
        if (!settings.client_ca) return TlsContext{};
        return fail(FaultKind::refused, "http.client_ca is set without TLS", "set http.cert_file and http.key_file");
    }
    TlsContext context = context_for(ssl::context::tls_server);
    const Pem certificate{*settings.cert_file, files.certificate.value_or("")};
    const Pem key{*settings.key_file, files.key.value_or("")};
    if (auto loaded = load_pair(*context, certificate, key); !loaded) {
        return std::unexpected(std::move(loaded.error()).in("http"));
    }
    if (!settings.client_ca) return context;
    const Pem authority{*settings.client_ca, files.client_ca.value_or("")};
    if (auto loaded = load_authority(*context, "http.client_ca", authority); !loaded) {
        return std::unexpected(std::move(loaded.error()));
    }
    context->set_verify_mode(ssl::verify_peer);
    return context;
}

Result<> check_authority(const HttpSettings& settings, const ServerFiles& files) {
    if (!settings.ca_file) return {};
    const TlsContext context = context_for(ssl::context::tls_client);
    return load_authority(*context, "http.ca_file", {*settings.ca_file, files.ca.value_or("")});
}

Result<TlsContext> client_tls(const ClientTrust& trust) {
    TlsContext context = context_for(ssl::context::tls_client);
    context->set_verify_mode(ssl::verify_peer);
    if (trust.ca_file || trust.ca_text) {
        auto authority = trust.ca_text ? Result<Pem>(Pem{trust.ca_file.value_or(""), *trust.ca_text})
                                       : read_pem("CA file", *trust.ca_file);
        auto loaded = authority ? load_authority(*context, "CA file", *authority)
                                : Result<>(std::unexpected(std::move(authority.error())));
        if (!loaded) return std::unexpected(std::move(loaded.error()));
    } else {
        context->set_default_verify_paths();
    }
    if (!trust.cert_file) return context;
    const auto certificate = read_pem("cert_file", *trust.cert_file);
    if (!certificate) return std::unexpected(certificate.error());
    const auto key = read_pem("key_file", trust.key_file.value_or(*trust.cert_file));
    if (!key) return std::unexpected(key.error());
    auto loaded = load_pair(*context, *certificate, *key);
    if (!loaded) return std::unexpected(std::move(loaded.error()));
    return context;
}

}  // namespace pgbosun::http
