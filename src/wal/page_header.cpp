#include "wal/page_header.hpp"

#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <string>

namespace pgbosun::wal {
namespace {

constexpr std::uint16_t magic_15 = 0xD110;
constexpr std::uint16_t magic_16 = 0xD113;
constexpr std::uint16_t magic_17 = 0xD116;
constexpr std::uint16_t magic_18 = 0xD118;
constexpr std::uint16_t long_header = 0x0002;  // XLP_LONG_HEADER

template <class Number>
Number read_at(std::span<const std::byte> bytes, std::size_t offset) {
    Number value{};
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::optional<WalVersion> version_of(std::uint16_t magic) {
    switch (magic) {
        case magic_15: return WalVersion::postgresql_15;
        case magic_16: return WalVersion::postgresql_16;
        case magic_17: return WalVersion::postgresql_17;
        case magic_18: return WalVersion::postgresql_18;
        default: break;
    }
    // Every change of the WAL format raises the magic, and all of them have begun with 0xD0 or 0xD1 for 15 years.
    if (magic > magic_15 && magic < 0xD200) return WalVersion::newer;
    return std::nullopt;
}

std::unexpected<Fault> corrupt(std::string why) { return fail(FaultKind::corrupt, std::move(why)); }

}  // namespace

Result<PageHeader> parse_page_header(std::span<const std::byte> bytes) {
    if (bytes.size() < long_header_bytes) return corrupt("shorter than a WAL page header");
    const auto magic = read_at<std::uint16_t>(bytes, 0);
    const auto version = version_of(magic);
    if (!version) {
        std::array<char, 64> text{};
        std::snprintf(text.data(), text.size(), "no WAL page: it begins with magic %04X", magic);
        return corrupt(text.data());
    }
    if ((read_at<std::uint16_t>(bytes, 2) & long_header) == 0) return corrupt("no long WAL page header");
    PageHeader header{*version,
                      magic,
                      Timeline{read_at<std::uint32_t>(bytes, 4)},
                      Lsn{read_at<std::uint64_t>(bytes, 8)},
                      SystemId{read_at<std::uint64_t>(bytes, 24)},
                      read_at<std::uint32_t>(bytes, 32),
                      read_at<std::uint32_t>(bytes, 36)};
    if (number(header.timeline) == 0) return corrupt("WAL page header: timeline 0");
    if (!SegmentSize::from_bytes(header.segment_size)) return corrupt("WAL page header: impossible segment size");
    if (!std::has_single_bit(header.block_size) || header.block_size < 1024 || header.block_size > 65536) {
        return corrupt("WAL page header: impossible block size");
    }
    return header;
}

Result<PageHeader> check_segment(std::span<const std::byte> head, std::uint64_t length, SegmentName name,
                                 std::optional<SystemId> system_id, SegmentSize size) {
    if (length != size.bytes()) {
        return corrupt(std::to_string(length) + " bytes long, a segment has " + std::to_string(size.bytes()));
    }
    auto header = parse_page_header(head);
    if (!header) return header;
    if (system_id && header->system_id != *system_id) {
        return fail(FaultKind::refused,
                    "it is WAL of the cluster with system identifier " + std::to_string(number(header->system_id)) +
                        ", not of " + std::to_string(number(*system_id)),
                    "give each cluster an archive of its own (archive.server_name or archive.destination)");
    }
    if (header->segment_size != size.bytes()) {
        return corrupt("its header says segments of " + std::to_string(header->segment_size) + " bytes, not " +
                       std::to_string(size.bytes()));
    }
    const auto segment = segment_of(name, size);
    if (!segment) return corrupt("with this segment size no segment has such a name");
    if (header->address != start_of(*segment, size)) {
        return corrupt("its header says position " + to_string(header->address) + ", its name " +
                       to_string(start_of(*segment, size)));
    }
    if (header->timeline > name.timeline) {
        return corrupt("its header says timeline " + std::to_string(number(header->timeline)));
    }
    return header;
}

}  // namespace pgbosun::wal
