#include "codec/encoding.hpp"

#include <utility>

namespace pgbosun::codec {

std::string_view extension(Encoding encoding) {
    switch (encoding) {
        case Encoding::plain: return "";
        case Encoding::zstd: return ".zst";
        case Encoding::gzip: return ".gz";
        case Encoding::lz4: return ".lz4";
        case Encoding::bzip2: return ".bz2";
        case Encoding::xz: return ".xz";
        case Encoding::snappy: return ".snappy";
    }
    std::unreachable();
}

Encoding encoding_of(Compression compression) {
    switch (compression) {
        case Compression::none: return Encoding::plain;
        case Compression::zstd: return Encoding::zstd;
        case Compression::gzip: return Encoding::gzip;
        case Compression::lz4: return Encoding::lz4;
    }
    std::unreachable();
}

Encoding encoding_of_name(std::string_view name) {
    for (const auto encoding : compressed_encodings) {
        if (name.ends_with(extension(encoding))) return encoding;
    }
    return Encoding::plain;
}

std::string_view without_extension(std::string_view name) {
    return name.substr(0, name.size() - extension(encoding_of_name(name)).size());
}

}  // namespace pgbosun::codec
