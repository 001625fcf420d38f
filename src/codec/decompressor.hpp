#pragma once
// Compressed streams back into bytes. Several frames (zstd, lz4), members (gzip) or streams (bzip2, xz, snappy) one after
// the other are one stream. The library's context is used again for each file: keep one object for each worker. Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "codec/encoding.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::codec {

class Decompressor {
public:
    virtual ~Decompressor() = default;

    using Sink = std::function<Result<>(std::span<const std::byte>)>;

    // Begins a stream that may yield at most `limit` bytes. An unfinished one is given up.
    virtual void begin(std::uint64_t limit) = 0;
    // corrupt: not of this format, a checksum is wrong, something else follows the last frame, or more than the
    // limit comes out. A Fault of `sink` is returned as it is. After any Fault only `begin` is allowed. What went to
    // the sink is not yet proven: the checksum comes last.
    virtual Result<> feed(std::span<const std::byte> compressed, const Sink& sink) = 0;
    // corrupt: the stream ends within a frame, or there was none. A snappy stream that ends between two of its chunks is
    // whole: nothing in it says how many there are.
    virtual Result<> finish() = 0;
};

// Windows larger than 128 MB (zstd, xz) are refused as corrupt: bounded memory.
std::unique_ptr<Decompressor> make_decompressor(Encoding encoding);

}  // namespace pgbosun::codec
