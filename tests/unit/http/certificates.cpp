#include "unit/http/certificates.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace pgbosun::test {
namespace {

struct Free {
    void operator()(X509* object) const { X509_free(object); }
    void operator()(EVP_PKEY* object) const { EVP_PKEY_free(object); }
    void operator()(BIO* object) const { BIO_free(object); }
};
using Certificate = std::unique_ptr<X509, Free>;
using Key = std::unique_ptr<EVP_PKEY, Free>;

Key make_key() { return Key(EVP_EC_gen("P-256")); }

void add_extension(X509* certificate, int name, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, name, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

Certificate make_certificate(const std::string& common_name, EVP_PKEY* key) {
    static long serial = 0;
    Certificate certificate(X509_new());
    X509_set_version(certificate.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
    X509_set_pubkey(certificate.get(), key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
    return certificate;
}

template <class Write>
std::string pem(Write write) {
    const std::unique_ptr<BIO, Free> memory(BIO_new(BIO_s_mem()));
    write(memory.get());
    std::string text(static_cast<std::size_t>(BIO_ctrl_pending(memory.get())), '\0');
    BIO_read(memory.get(), text.data(), static_cast<int>(text.size()));
    return text;
}

}  // namespace

struct Authority::Material {
    Key key = make_key();
    Certificate certificate = make_certificate("authority", key.get());
};

Authority::Authority() : material_(std::make_unique<Material>()) {
    X509* certificate = material_->certificate.get();
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate, material_->key.get(), EVP_sha256());
}

Authority::~Authority() = default;

std::string Authority::certificate() const {
    return pem([&](BIO* out) { PEM_write_bio_X509(out, material_->certificate.get()); });
}

PemPair Authority::issue(const std::string& common_name) const {
    const Key key = make_key();
    const Certificate certificate = make_certificate(common_name, key.get());
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(material_->certificate.get()));
    add_extension(certificate.get(), NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_sign(certificate.get(), material_->key.get(), EVP_sha256());
    return {pem([&](BIO* out) { PEM_write_bio_X509(out, certificate.get()); }),
            pem([&](BIO* out) { PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

}  // namespace pgbosun::test
