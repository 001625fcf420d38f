#pragma once
// One pass over a file: read, hash, compress.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "codec/compressor.hpp"
#include "pgbosun/fault.hpp"

namespace pgbosun::codec {

struct CompressedFile {
    std::uint64_t size = 0;    // of the content
    std::string content_hash;  // of the content, as in content_hash.hpp
};

// Reads `descriptor` from offset 0 to its end; `out` is cleared and filled. The pages read stay in the page cache
// (decision 0008: PostgreSQL writes over them).
// refused: larger than `limit` bytes. corrupt: its size changed while it was read. unavailable: the read failed.
Result<CompressedFile> compress_file(int descriptor, std::uint64_t limit, Compressor& compressor,
                                     std::vector<std::byte>& out);

}  // namespace pgbosun::codec
