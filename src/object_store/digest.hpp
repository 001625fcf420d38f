#pragma once
// OpenSSL's digests, as request signing needs them.

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgbosun::object_store {

using Sha256 = std::array<std::byte, 32>;

Sha256 sha256(std::span<const std::byte> content);
Sha256 hmac_sha256(std::span<const std::byte> key, std::string_view message);
// Lower case.
std::string hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);
// For Content-MD5, which multi-object delete demands; nothing relies on it.
std::string md5_base64(std::string_view text);
std::string base64(std::span<const std::byte> bytes);
// RFC 4648, section 5, without padding.
std::string base64_url(std::string_view text);
// nullopt: it is no base64.
std::optional<std::vector<std::byte>> decode_base64(std::string_view text);

}  // namespace pgbosun::object_store
