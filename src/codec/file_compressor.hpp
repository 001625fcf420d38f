#pragma once
// One pass over a file: read, hash, compress.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "codec/compressor.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::codec {

struct CompressedFile {
    std::uint64_t size = 0;    // of the content
    std::string content_hash;  // of the content, as in content_hash.hpp
};

// Not thread-safe: one for each file that is compressed at a time.
class FileCompressor {
public:
    // Files up to this are read into memory whole (decision 0008), larger ones in pieces.
    static constexpr std::uint64_t most_held = std::uint64_t{16} << 20;  // bytes

    explicit FileCompressor(std::unique_ptr<Compressor> compressor) : compressor_(std::move(compressor)) {}

    // Reads `descriptor` from offset 0 to its end; `out` is cleared and filled. The pages read stay in the page cache
    // (decision 0008: PostgreSQL writes over them).
    // refused: larger than `limit` bytes. corrupt: its size changed while it was read. unavailable: the read failed.
    Result<CompressedFile> compress(int descriptor, std::uint64_t limit, std::vector<std::byte>& out);
    // Gives the memory back that the last files took; the next one takes it anew.
    void rest();

private:
    Result<CompressedFile> compress_held(int descriptor, std::uint64_t size, std::vector<std::byte>& out);
    Result<CompressedFile> compress_in_pieces(int descriptor, std::uint64_t size, std::vector<std::byte>& out);

    std::unique_ptr<Compressor> compressor_;
    std::unique_ptr<std::byte[]> held_;  // of most_held + 1 bytes
};

}  // namespace pgbosun::codec
