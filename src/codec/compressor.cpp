#include "codec/compressor.hpp"

#include <string>
#include <utility>

#include "codec/streams.hpp"

namespace pgbosun::codec {
namespace {

Result<> check_level(std::string_view name, int level, int highest) {
    if (level >= 1 && level <= highest) return {};
    return fail(FaultKind::refused,
                "compression level " + std::to_string(level) + " does not exist for " + std::string(name),
                "choose a level from 1 to " + std::to_string(highest));
}

}  // namespace

Result<std::unique_ptr<Compressor>> make_compressor(Compression compression, int level) {
    switch (compression) {
        case Compression::none: return make_plain_compressor();
        case Compression::zstd:
            if (auto fits = check_level("zstd", level, 19); !fits) return std::unexpected(fits.error());
            return make_zstd_compressor(level);
        case Compression::gzip:
            if (auto fits = check_level("gzip", level, 9); !fits) return std::unexpected(fits.error());
            return make_gzip_compressor(level);
        case Compression::lz4:
            if (auto fits = check_level("lz4", level, 12); !fits) return std::unexpected(fits.error());
            return make_lz4_compressor(level);
    }
    return fail(FaultKind::refused, "unknown compression");
}

std::unique_ptr<Decompressor> make_decompressor(Encoding encoding) {
    switch (encoding) {
        case Encoding::plain: return make_plain_decompressor();
        case Encoding::zstd: return make_zstd_decompressor();
        case Encoding::gzip: return make_gzip_decompressor();
        case Encoding::lz4: return make_lz4_decompressor();
        case Encoding::bzip2: return make_bzip2_decompressor();
        case Encoding::xz: return make_xz_decompressor();
        case Encoding::snappy: return make_snappy_decompressor();
    }
    std::unreachable();
}

}  // namespace pgbosun::codec
