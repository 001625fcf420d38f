#pragma once
// The long page header that every WAL segment begins with (PostgreSQL: XLogLongPageHeaderData, in the machine's own
// byte order). It says whose WAL this is, whatever the file is called.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "pgbosun/fault.hpp"
#include "wal/segment.hpp"

namespace pgbosun::wal {

inline constexpr std::size_t long_header_bytes = 40;

enum class WalVersion { postgresql_15, postgresql_16, postgresql_17, postgresql_18, newer };

struct PageHeader {
    WalVersion version{};
    std::uint16_t magic = 0;
    Timeline timeline{};  // of the first record; after a promotion an ancestor's, for the segment was copied
    Lsn address;
    SystemId system_id{};
    std::uint32_t segment_size = 0;
    std::uint32_t block_size = 0;
    bool operator==(const PageHeader&) const = default;
};

// From the first bytes of a segment. corrupt: it is no such header, or of a PostgreSQL older than 15.
Result<PageHeader> parse_page_header(std::span<const std::byte> bytes);

// Whether a file of `length` bytes that begins with `head` (at least long_header_bytes) can be the segment `name`.
// corrupt: it is not; refused: it is another cluster's. Without `system_id` any cluster's will do.
Result<PageHeader> check_segment(std::span<const std::byte> head, std::uint64_t length, SegmentName name,
                                 std::optional<SystemId> system_id, SegmentSize size);

}  // namespace pgbosun::wal
