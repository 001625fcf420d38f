#pragma once
// Streams of bytes into one compressed frame. The library's context lives as long as the object and is used again
// for each file: keep one for each worker thread. Not thread-safe.
//
// zstd and lz4 (the frame format that `lz4 -d` reads) carry the content's size when it was told, and a checksum of the
// content, but for zstd's whole(); gzip carries CRC-32 and size by its nature.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::codec {

// What is produced is appended to `out`, which the caller owns and may use again (its capacity is kept).
class Compressor {
public:
    virtual ~Compressor() = default;

    // Begins a frame; an unfinished one is given up. `size`: how much will be appended, when that is known; then
    // `finish` fails (zstd, lz4) when it was another amount.
    virtual Result<> begin(std::optional<std::uint64_t> size, std::vector<std::byte>& out) = 0;
    virtual Result<> append(std::span<const std::byte> content, std::vector<std::byte>& out) = 0;
    virtual Result<> finish(std::vector<std::byte>& out) = 0;

    // A frame of all of `content`. zstd: without a checksum, for whoever has all of it has hashed it (decision 0008).
    virtual Result<> whole(std::span<const std::byte> content, std::vector<std::byte>& out) {
        auto done = begin(content.size(), out);
        if (done) done = append(content, out);
        return done ? finish(out) : done;
    }
    // Gives back what memory whole() has taken.
    virtual void rest() {}
};

// Levels: zstd 1 to 19, lz4 1 to 12, gzip 1 to 9; none takes any. refused: the level is out of these. The context's
// memory is bounded by the level (zstd 1: about 1 MB; zstd 19: about 90 MB; lz4: 200 kB; gzip: 270 kB).
Result<std::unique_ptr<Compressor>> make_compressor(Compression compression, int level);

}  // namespace pgbosun::codec
