#pragma once
// WAL segments and their names (PostgreSQL: access/xlog_internal.h). A name alone does not say which bytes of the
// WAL it holds: that takes the segment size, which initdb chooses and the control file records.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pgbosun/lsn.hpp"

namespace pgbosun::wal {

// A power of two from 1 MB to 1 GB.
class SegmentSize {
public:
    static std::optional<SegmentSize> from_bytes(std::uint64_t bytes);

    [[nodiscard]] std::uint32_t bytes() const { return bytes_; }
    // How many segments share the middle eight digits of their names.
    [[nodiscard]] std::uint64_t segments_per_log() const { return (std::uint64_t{1} << 32) / bytes_; }
    bool operator==(const SegmentSize&) const = default;

private:
    explicit SegmentSize(std::uint32_t bytes) : bytes_(bytes) {}
    std::uint32_t bytes_;
};

// The 24 digits of a segment's file name. Ordered as PostgreSQL archives: by name.
struct SegmentName {
    Timeline timeline{};
    std::uint32_t log = 0;
    std::uint32_t segment = 0;
    auto operator<=>(const SegmentName&) const = default;
};

// A segment by its place in the WAL: it begins at number * segment size.
struct WalSegment {
    Timeline timeline{};
    std::uint64_t number = 0;
    auto operator<=>(const WalSegment&) const = default;
};

std::string to_string(SegmentName name);
// Exactly 24 upper-case hexadecimal digits, timeline not 0.
std::optional<SegmentName> parse_segment_name(std::string_view text);
// The first 16 digits: the directory that Barman's layout keeps the segment in.
std::string hash_directory(SegmentName name);

// None: with this segment size PostgreSQL never writes that name.
std::optional<WalSegment> segment_of(SegmentName name, SegmentSize size);
SegmentName name_of(WalSegment segment, SegmentSize size);

Lsn start_of(WalSegment segment, SegmentSize size);
// The segment that holds the byte at `position`.
WalSegment segment_at(Timeline timeline, Lsn position, SegmentSize size);

// None past the last segment that an LSN can name.
std::optional<WalSegment> next(WalSegment segment, SegmentSize size);

}  // namespace pgbosun::wal
