#include <cstdint>
#include <cstdlib>
#include <span>

#include "wal/page_header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgbosun;
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto segment_size = *wal::SegmentSize::from_bytes(16 << 20);
    const auto header = wal::check_segment(bytes, 16 << 20, {Timeline{1}, 0, 3}, std::nullopt, segment_size);
    if (header && header->address.value != std::uint64_t{3} << 24) std::abort();
    return 0;
}
