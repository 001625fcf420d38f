#pragma once
// How an object's body is encoded, which an archive in Barman's layout tells by the extension of its key.

#include <array>
#include <string_view>

#include "pgbosun/settings.hpp"

namespace pgbosun::codec {

// What is read. Barman writes all of them; we write what Compression has.
enum class Encoding { plain, zstd, gzip, lz4, bzip2, xz, snappy };

inline constexpr std::array compressed_encodings{Encoding::zstd,  Encoding::gzip, Encoding::lz4,
                                                 Encoding::bzip2, Encoding::xz,   Encoding::snappy};

// ".zst"; empty for plain.
std::string_view extension(Encoding encoding);
Encoding encoding_of(Compression compression);

// By the extension of `name`; one with none of these is plain.
Encoding encoding_of_name(std::string_view name);

// `name` without the extension of its encoding.
std::string_view without_extension(std::string_view name);

}  // namespace pgbosun::codec
