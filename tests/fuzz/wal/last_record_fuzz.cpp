#include <cstdint>
#include <cstdlib>
#include <span>

#include "wal/last_record.hpp"
#include "wal/page_header.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgbosun;
    const auto bytes = std::as_bytes(std::span(data, size));
    const auto last = wal::last_record(bytes);
    if (!last) return 0;
    const auto header = wal::parse_page_header(bytes);
    if (!header || *last <= header->address || last->value - header->address.value >= size) std::abort();
    return 0;
}
