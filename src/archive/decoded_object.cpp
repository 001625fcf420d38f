#include "archive/decoded_object.hpp"

#include "codec/content_hash.hpp"
#include "codec/decompressor.hpp"

namespace pgbosun::archive {
namespace {

Result<Compression> compression_of(Encoding encoding, const std::string& key) {
    switch (encoding) {
        case Encoding::plain: return Compression::none;
        case Encoding::zstd: return Compression::zstd;
        case Encoding::gzip: return Compression::gzip;
        case Encoding::lz4: return Compression::lz4;
        case Encoding::bzip2:
        case Encoding::xz:
        case Encoding::snappy: break;
    }
    return fail(FaultKind::refused, key + " is compressed with " + std::string(extension(encoding).substr(1)) +
                                        ", which pgbosun does not read",
                "compress it anew with gzip or zstd under the same name with .gz or .zst");
}

}  // namespace

Result<> read_decoded(ObjectStore& store, const std::string& key, Encoding encoding, std::uint64_t limit,
                      const ObjectStore::Sink& sink, const std::function<void()>& restart,
                      const std::function<void(std::size_t)>& arrived) {
    const auto compression = compression_of(encoding, key);
    if (!compression) return std::unexpected(compression.error());
    const auto decompressor = codec::make_decompressor(*compression);
    decompressor->begin(limit);
    const auto got = store.get(
        key,
        [&](std::span<const std::byte> part) {
            if (arrived) arrived(part.size());
            return decompressor->feed(part, sink);
        },
        [&] {
            decompressor->begin(limit);
            restart();
        });
    if (!got) return std::unexpected(Fault(got.error()).in(key));
    if (auto whole = decompressor->finish(); !whole) return std::unexpected(std::move(whole.error()).in(key));
    return {};
}

Result<std::string> hash_decoded(ObjectStore& store, const std::string& key, Encoding encoding,
                                 std::uint64_t limit) {
    codec::ContentHash hash;
    const auto sink = [&](std::span<const std::byte> part) -> Result<> {
        hash.append(part);
        return {};
    };
    if (auto read = read_decoded(store, key, encoding, limit, sink, [&] { hash.restart(); }); !read) {
        return std::unexpected(std::move(read.error()));
    }
    return hash.text();
}

}  // namespace pgbosun::archive
