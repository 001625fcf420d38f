#include "object_store/encryption_keys.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "object_store/digest.hpp"

namespace pgbosun::object_store {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t base64_chars = 44;
constexpr std::string_view id_context = "pgbosun key identifier";

using Bytes = std::array<std::byte, key_bytes>;

std::optional<Bytes> from_hex(std::string_view text) {
    if (text.size() != 2 * key_bytes) return std::nullopt;
    Bytes bytes{};
    for (std::size_t n = 0; n < text.size(); ++n) {
        const char c = text[n];
        int digit = -1;
        if (c >= '0' && c <= '9') digit = c - '0';
        if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
        if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
        if (digit < 0) return std::nullopt;
        bytes[n / 2] = (bytes[n / 2] << 4) | static_cast<std::byte>(digit);
    }
    return bytes;
}

std::optional<Bytes> from_base64(std::string_view text) {
    if (text.size() != base64_chars || !text.ends_with('=') || text.ends_with("==")) return std::nullopt;
    std::array<unsigned char, key_bytes + 1> decoded{};
    const auto* source = reinterpret_cast<const unsigned char*>(text.data());
    if (EVP_DecodeBlock(decoded.data(), source, static_cast<int>(text.size())) != static_cast<int>(decoded.size())) {
        return std::nullopt;
    }
    Bytes bytes{};
    std::memcpy(bytes.data(), decoded.data(), key_bytes);
    OPENSSL_cleanse(decoded.data(), decoded.size());
    return bytes;
}

}  // namespace

EncryptionKey::EncryptionKey(std::span<const std::byte, 32> key) {
    std::copy(key.begin(), key.end(), bytes.begin());
    const Sha256 digest = hmac_sha256(bytes, id_context);
    std::copy_n(digest.begin(), id.size(), id.begin());
}

EncryptionKey::~EncryptionKey() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

Result<EncryptionKey> parse_key(std::string_view text, const std::string& name) {
    if (text.size() == key_bytes) {
        return EncryptionKey(std::as_bytes(std::span<const char, key_bytes>(text.data(), key_bytes)));
    }
    while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
    if (const auto bytes = from_hex(text)) return EncryptionKey(*bytes);
    if (const auto bytes = from_base64(text)) return EncryptionKey(*bytes);
    return fail(FaultKind::refused, name + " holds no key of 32 bytes",
                "make one with: openssl rand -base64 32 (and keep a copy where the archive is not)");
}

Result<EncryptionKey> EncryptionKeys::current() const {
    if (settings_.key.file) {
        auto text = read_secret_file(*settings_.key.file);
        if (!text) return std::unexpected(std::move(text).error().in("archive.encryption.key_file"));
        auto key = parse_key(*text, *settings_.key.file);
        OPENSSL_cleanse(text->data(), text->size());
        return key;
    }
    const std::string name = settings_.key.environment.value_or("");
    return parse_key(environment_(name).value_or(""), name);
}

Result<EncryptionKey> EncryptionKeys::find(const KeyId& id) const {
    auto newest = current();
    if (newest && newest->id == id) return newest;
    std::string known = newest ? to_string(newest->id) : "none (" + newest.error().what + ')';
    for (const auto& path : settings_.older_keys) {
        auto text = read_secret_file(path);
        if (!text) return std::unexpected(std::move(text).error().in("archive.encryption.older_key_files"));
        auto key = parse_key(*text, path);
        OPENSSL_cleanse(text->data(), text->size());
        if (!key) return key;
        if (key->id == id) return key;
        known += ", " + to_string(key->id);
    }
    return fail(FaultKind::refused,
                "it is encrypted with the key " + to_string(id) + ", and the keys that there are are " + known,
                "name the file of that key in archive.encryption.older_key_files");
}

}  // namespace pgbosun::object_store
