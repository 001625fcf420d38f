#include "wal/segment.hpp"

#include <array>
#include <bit>
#include <cstdio>

#include "wal/hex.hpp"

namespace pgbosun::wal {
namespace {

constexpr std::uint64_t smallest = std::uint64_t{1} << 20;
constexpr std::uint64_t largest = std::uint64_t{1} << 30;

std::string digits(std::uint32_t value) {
    std::array<char, 9> text{};
    std::snprintf(text.data(), text.size(), "%08X", value);
    return text.data();
}

}  // namespace

std::optional<std::uint32_t> parse_hex8(std::string_view text) {
    if (text.size() != 8) return std::nullopt;
    std::uint32_t value = 0;
    for (const char c : text) {
        const bool digit = c >= '0' && c <= '9';
        if (!digit && !(c >= 'A' && c <= 'F')) return std::nullopt;
        value = value * 16 + static_cast<std::uint32_t>(digit ? c - '0' : c - 'A' + 10);
    }
    return value;
}

std::optional<SegmentSize> SegmentSize::from_bytes(std::uint64_t bytes) {
    if (bytes < smallest || bytes > largest || !std::has_single_bit(bytes)) return std::nullopt;
    return SegmentSize(static_cast<std::uint32_t>(bytes));
}

std::string to_string(SegmentName name) {
    return digits(number(name.timeline)) + digits(name.log) + digits(name.segment);
}

std::optional<SegmentName> parse_segment_name(std::string_view text) {
    if (text.size() != 24) return std::nullopt;
    const auto timeline = parse_hex8(text.substr(0, 8));
    const auto log = parse_hex8(text.substr(8, 8));
    const auto segment = parse_hex8(text.substr(16, 8));
    if (!timeline || !log || !segment || *timeline == 0) return std::nullopt;
    return SegmentName{Timeline{*timeline}, *log, *segment};
}

std::string hash_directory(SegmentName name) { return digits(number(name.timeline)) + digits(name.log); }

std::optional<WalSegment> segment_of(SegmentName name, SegmentSize size) {
    if (name.segment >= size.segments_per_log()) return std::nullopt;
    return WalSegment{name.timeline, name.log * size.segments_per_log() + name.segment};
}

SegmentName name_of(WalSegment segment, SegmentSize size) {
    return {segment.timeline, static_cast<std::uint32_t>(segment.number / size.segments_per_log()),
            static_cast<std::uint32_t>(segment.number % size.segments_per_log())};
}

Lsn start_of(WalSegment segment, SegmentSize size) { return {segment.number * size.bytes()}; }

WalSegment segment_at(Timeline timeline, Lsn position, SegmentSize size) {
    return {timeline, position.value / size.bytes()};
}

std::optional<WalSegment> next(WalSegment segment, SegmentSize size) {
    const std::uint64_t last = ~std::uint64_t{0} / size.bytes();
    if (segment.number >= last) return std::nullopt;
    return WalSegment{segment.timeline, segment.number + 1};
}

}  // namespace pgbosun::wal
