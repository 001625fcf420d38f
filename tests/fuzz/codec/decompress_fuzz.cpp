// The first byte chooses the format and the size of the pieces; the rest is the object.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "codec/decompressor.hpp"

using namespace pgbosun;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    using codec::Encoding;
    static const std::array decompressors{
        codec::make_decompressor(Encoding::zstd), codec::make_decompressor(Encoding::gzip),
        codec::make_decompressor(Encoding::lz4),  codec::make_decompressor(Encoding::bzip2),
        codec::make_decompressor(Encoding::xz),   codec::make_decompressor(Encoding::snappy)};
    auto& decompressor = *decompressors[data[0] % decompressors.size()];
    const std::size_t piece = data[0] >= 128 ? 1 : 4096;
    const std::span content = std::as_bytes(std::span(data + 1, size - 1));
    constexpr std::size_t limit = 1 << 20;

    std::size_t seen = 0;
    decompressor.begin(limit);
    for (std::size_t at = 0; at < content.size(); at += piece) {
        const auto fed = decompressor.feed(content.subspan(at, std::min(piece, content.size() - at)),
                                           [&](std::span<const std::byte> part) -> Result<> {
                                               seen += part.size();
                                               return {};
                                           });
        if (seen > limit) std::abort();
        if (!fed) return 0;
    }
    static_cast<void>(decompressor.finish());
    return 0;
}
