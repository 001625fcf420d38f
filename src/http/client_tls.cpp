#include "http/client_tls.hpp"

#include <openssl/x509.h>
#include <sys/stat.h>

#include <cstdlib>

namespace pgbosun::http {
namespace {

// What OpenSSL takes for the system's; its directory is looked at with each certificate anyway.
std::string system_authorities() {
    const char* named = std::getenv(::X509_get_default_cert_file_env());
    return named != nullptr ? named : ::X509_get_default_cert_file();
}

long long nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

}  // namespace

std::optional<ClientTls::Version> ClientTls::version_of(const std::string& file) {
    struct stat it{};
    if (::stat(file.c_str(), &it) != 0) return std::nullopt;
    return Version{it.st_dev, it.st_ino, it.st_size, nanoseconds(it.st_mtim), nanoseconds(it.st_ctim)};
}

std::vector<std::optional<ClientTls::Version>> ClientTls::versions() const {
    std::vector<std::optional<Version>> versions;
    if (!trust_.ca_text) versions.push_back(version_of(trust_.ca_file ? *trust_.ca_file : system_authorities()));
    if (trust_.cert_file) versions.push_back(version_of(*trust_.cert_file));
    if (trust_.key_file) versions.push_back(version_of(*trust_.key_file));
    return versions;
}

Result<TlsContext> ClientTls::context() {
    if (context_ && look_ == Look::once) return context_;
    auto now = versions();
    if (context_ && now == built_of_) return context_;
    auto built = client_tls(trust_);
    if (!built) return built;
    context_ = std::move(*built);
    built_of_ = std::move(now);
    return context_;
}

}  // namespace pgbosun::http
