#pragma once
// CRC-32C (Castagnoli), which PostgreSQL's backup_manifest gives for each file. With the processor's instruction where
// there is one (SSE 4.2, ARMv8): some 8 GB/s on one core, else some 1.5.

#include <cstddef>
#include <cstdint>
#include <span>

namespace pgbosun::codec {

// Of everything before, whose checksum was `before`, and `content`; 0 is that of nothing.
std::uint32_t crc32c(std::uint32_t before, std::span<const std::byte> content);

}  // namespace pgbosun::codec
