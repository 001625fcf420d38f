#include "object_store/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
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
    return base64(digest);
}

std::string base64(std::span<const std::byte> bytes) {
    std::string encoded(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int length =
        EVP_EncodeBlock(reinterpret_cast<unsigned char*>(encoded.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    encoded.resize(static_cast<std::size_t>(length));
    return encoded;
}

std::string base64_url(std::string_view text) {
    std::string encoded = base64(std::as_bytes(std::span(text.data(), text.size())));
    std::replace(encoded.begin(), encoded.end(), '+', '-');
    std::replace(encoded.begin(), encoded.end(), '/', '_');
    while (encoded.ends_with('=')) encoded.pop_back();
    return encoded;
}

std::optional<std::vector<std::byte>> decode_base64(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) return std::nullopt;
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    if (text.substr(0, text.size() - padding).find('=') != std::string_view::npos) return std::nullopt;
    std::vector<std::byte> bytes(text.size() / 4 * 3);
    if (EVP_DecodeBlock(chars(bytes.data()), reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size())) < 0) {
        return std::nullopt;
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

}  // namespace pgbosun::object_store
