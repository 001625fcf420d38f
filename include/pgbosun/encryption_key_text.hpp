#pragma once
// Vocabulary: what the text of an encryption key is like, for whoever has no need of the key itself.

#include <cstddef>
#include <string_view>

namespace pgbosun {

inline constexpr std::size_t longest_key_file = 4096;
inline constexpr const char* key_hint =
    "make one with: openssl rand -base64 32 (and keep a copy where the archive is not)";

// 32 bytes as they are, or as 64 hexadecimal digits, or as base64, with or without a line's end.
bool is_encryption_key(std::string_view text);

}  // namespace pgbosun
