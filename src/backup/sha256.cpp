#include "backup/sha256.hpp"

#include <openssl/evp.h>

#include <array>
#include <cassert>
#include <new>

namespace pgbosun::backup {

struct Sha256::Context {
    Context() {
        if (digest == nullptr) throw std::bad_alloc();
        if (EVP_DigestInit_ex(digest, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
    }
    ~Context() { EVP_MD_CTX_free(digest); }
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;

    EVP_MD_CTX* digest = EVP_MD_CTX_new();
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {}
Sha256::~Sha256() = default;

void Sha256::update(std::string_view piece) {
    const int done = EVP_DigestUpdate(context_->digest, piece.data(), piece.size());
    assert(done == 1);
    static_cast<void>(done);
}

std::string Sha256::hex() {
    std::array<unsigned char, 32> bytes{};
    const int done = EVP_DigestFinal_ex(context_->digest, bytes.data(), nullptr);
    assert(done == 1);
    static_cast<void>(done);
    std::string text;
    for (const unsigned char byte : bytes) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

}  // namespace pgbosun::backup
