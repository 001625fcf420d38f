#include "object_store/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <new>

namespace pgbosun::object_store {
namespace {

unsigned char* chars(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }

}  // namespace

Sha256 sha256(std::span<const std::byte> content) {
    Sha256 digest;
    if (EVP_Digest(content.data(), content.size(), chars(digest.data()), nullptr, EVP_sha256(), nullptr) != 1) {
        throw std::bad_alloc();
    }
    return digest;
}

Sha256 hmac_sha256(std::span<const std::byte> key, std::string_view message) {
    Sha256 digest;
    const auto* text = reinterpret_cast<const unsigned char*>(message.data());
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), text, message.size(), chars(digest.data()),
             nullptr) == nullptr) {
        throw std::bad_alloc();
    }
    return digest;
}

std::string hex(std::span<const std::byte> bytes) {
    std::string text;
    text.reserve(2 * bytes.size());
    for (const std::byte byte : bytes) {
        text += "0123456789abcdef"[std::to_integer<unsigned>(byte) >> 4];
        text += "0123456789abcdef"[std::to_integer<unsigned>(byte) & 15];
    }
    return text;
}

std::string sha256_hex(std::string_view text) {
    return hex(sha256(std::as_bytes(std::span(text.data(), text.size()))));
}

std::string md5_base64(std::string_view text) {
    std::array<std::byte, 16> digest;
    if (EVP_Digest(text.data(), text.size(), chars(digest.data()), nullptr, EVP_md5(), nullptr) != 1) {
        throw std::bad_alloc();
    }
    std::array<unsigned char, 25> encoded;
    const int length = EVP_EncodeBlock(encoded.data(), chars(digest.data()), 16);
    return {encoded.begin(), encoded.begin() + length};
}

}  // namespace pgbosun::object_store
