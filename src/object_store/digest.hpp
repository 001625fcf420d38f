#pragma once
// OpenSSL's digests, as request signing needs them.

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pgbosun::object_store {

using Sha256 = std::array<std::byte, 32>;

Sha256 sha256(std::span<const std::byte> content);
Sha256 hmac_sha256(std::span<const std::byte> key, std::string_view message);
// Lower case.
std::string hex(std::span<const std::byte> bytes);
std::string sha256_hex(std::string_view text);
// For Content-MD5, which multi-object delete demands; nothing relies on it.
std::string md5_base64(std::string_view text);

}  // namespace pgbosun::object_store
