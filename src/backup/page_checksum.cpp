#include "backup/page_checksum.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace pgbosun::backup {
namespace {

// PageHeaderData: pd_lsn in two halves, pd_checksum, pd_flags, pd_lower, pd_upper.
constexpr std::size_t checksum_at = 8;
constexpr std::size_t upper_at = 14;

constexpr std::size_t lanes = 32;
constexpr std::size_t words = page_size / sizeof(std::uint32_t);
constexpr std::uint32_t prime = 16777619;

// checksum_impl.h, checksumBaseOffsets: any values would do, these are the ones.
constexpr std::array<std::uint32_t, lanes> offsets = {
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
};

template <class Value>
Value read(Page page, std::size_t at) {
    static_assert(std::endian::native == std::endian::little);
    Value value{};
    std::memcpy(&value, page.data() + at, sizeof value);
    return value;
}

// Of the page as it is, but with 0 in the place of its checksum.
[[gnu::always_inline]] inline std::uint32_t fold(const std::byte* page) {
    alignas(64) std::array<std::uint32_t, lanes> sums = offsets;
    const auto mix = [&](const std::array<std::uint32_t, lanes>& row) {
        for (std::size_t lane = 0; lane < lanes; ++lane) {
            const std::uint32_t mixed = sums[lane] ^ row[lane];
            sums[lane] = (mixed * prime) ^ (mixed >> 17);
        }
    };
    alignas(64) std::array<std::uint32_t, lanes> row{};
    std::memcpy(row.data(), page, sizeof row);
    row[checksum_at / sizeof(std::uint32_t)] &= 0xFFFF0000;
    mix(row);
    for (std::size_t at = sizeof row; at < page_size; at += sizeof row) {
        std::memcpy(row.data(), page + at, sizeof row);
        mix(row);
    }
    row.fill(0);
    mix(row);
    mix(row);
    std::uint32_t sum = 0;
    for (const auto lane : sums) sum ^= lane;
    return sum;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) std::uint32_t fold_wide(const std::byte* page) { return fold(page); }
bool has_wide() { return __builtin_cpu_supports("avx2") != 0; }
#else
std::uint32_t fold_wide(const std::byte* page) { return fold(page); }
bool has_wide() { return true; }
#endif
std::uint32_t fold_narrow(const std::byte* page) { return fold(page); }

bool is_zero(Page page) {
    return std::ranges::all_of(page, [](std::byte byte) { return byte == std::byte{0}; });
}

static_assert(words % lanes == 0);

}  // namespace

std::uint16_t page_checksum(Page page, std::uint32_t block) {
    static const bool wide = has_wide();
    const std::uint32_t sum = (wide ? fold_wide(page.data()) : fold_narrow(page.data())) ^ block;
    return static_cast<std::uint16_t>(sum % 65535 + 1);
}

Lsn page_lsn(Page page) { return {(std::uint64_t{read<std::uint32_t>(page, 0)} << 32) | read<std::uint32_t>(page, 4)}; }

PageVerdict check_page(Page page, std::uint32_t block, Lsn start) {
    if (read<std::uint16_t>(page, upper_at) == 0) {
        // A page that was never used has no header at all; one with a header and no pd_upper is damaged.
        if (is_zero(page)) return PageVerdict::good;
    } else if (read<std::uint16_t>(page, checksum_at) == page_checksum(page, block)) {
        return PageVerdict::good;
    }
    return page_lsn(page) >= start ? PageVerdict::changed : PageVerdict::bad;
}

}  // namespace pgbosun::backup
