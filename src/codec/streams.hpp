#pragma once
// The streams of each library; compressor.hpp and decompressor.hpp choose among them.

#include <memory>

#include "codec/compressor.hpp"
#include "codec/decompressor.hpp"

namespace pgbosun::codec {

// Bytes handed to a sink at once at most.
inline constexpr std::size_t sink_bytes = 128 * 1024;

std::unique_ptr<Compressor> make_zstd_compressor(int level);
std::unique_ptr<Decompressor> make_zstd_decompressor();
std::unique_ptr<Compressor> make_lz4_compressor(int level);
std::unique_ptr<Decompressor> make_lz4_decompressor();
std::unique_ptr<Compressor> make_gzip_compressor(int level);
std::unique_ptr<Decompressor> make_gzip_decompressor();
std::unique_ptr<Decompressor> make_bzip2_decompressor();
std::unique_ptr<Decompressor> make_xz_decompressor();
std::unique_ptr<Decompressor> make_snappy_decompressor();
std::unique_ptr<Compressor> make_plain_compressor();
std::unique_ptr<Decompressor> make_plain_decompressor();

// Counts what leaves a decompressor, and refuses what is more than was allowed: a few bytes can expand to terabytes.
class OutputLimit {
public:
    void begin(std::uint64_t limit) { left_ = limit; }
    Result<> pass(std::span<const std::byte> content, const Decompressor::Sink& sink) {
        if (content.empty()) return {};
        if (content.size() > left_) return fail(FaultKind::corrupt, "the content is larger than it may be");
        left_ -= content.size();
        return sink(content);
    }

private:
    std::uint64_t left_ = 0;
};

}  // namespace pgbosun::codec
