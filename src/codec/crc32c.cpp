#include "codec/crc32c.hpp"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

namespace pgbosun::codec {
namespace {

constexpr std::uint32_t polynomial = 0x82F63B78;  // reflected
constexpr std::size_t word = sizeof(std::uint64_t);

using Tables = std::array<std::array<std::uint32_t, 256>, word>;

// tables[n][b]: what byte b does to the checksum when n bytes follow it.
constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
        tables[0][byte] = value;
    }
    for (std::size_t after = 1; after < word; ++after) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t value = tables[after - 1][byte];
            tables[after][byte] = (value >> 8) ^ tables[0][value & 0xFF];
        }
    }
    return tables;
}
constexpr Tables tables = make_tables();

std::uint32_t add_byte(std::uint32_t crc, std::byte byte) {
    return (crc >> 8) ^ tables[0][(crc ^ static_cast<std::uint32_t>(byte)) & 0xFF];
}

std::uint32_t by_tables(std::uint32_t crc, std::span<const std::byte> content) {
    if constexpr (std::endian::native == std::endian::little) {
        for (; content.size() >= word; content = content.subspan(word)) {
            std::uint64_t bytes = 0;
            std::memcpy(&bytes, content.data(), word);
            bytes ^= crc;
            crc = 0;
            for (std::size_t i = 0; i < word; ++i) crc ^= tables[word - 1 - i][(bytes >> (8 * i)) & 0xFF];
        }
    }
    for (const auto byte : content) crc = add_byte(crc, byte);
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t by_instruction(std::uint32_t crc, std::span<const std::byte> content) {
    std::uint64_t wide = crc;
    for (; content.size() >= word; content = content.subspan(word)) {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, content.data(), word);
        wide = _mm_crc32_u64(wide, bytes);
    }
    crc = static_cast<std::uint32_t>(wide);
    for (const auto byte : content) crc = _mm_crc32_u8(crc, static_cast<unsigned char>(byte));
    return crc;
}
bool has_instruction() { return __builtin_cpu_supports("sse4.2") != 0; }
#elif defined(__ARM_FEATURE_CRC32)
std::uint32_t by_instruction(std::uint32_t crc, std::span<const std::byte> content) {
    for (; content.size() >= word; content = content.subspan(word)) {
        std::uint64_t bytes = 0;
        std::memcpy(&bytes, content.data(), word);
        crc = __crc32cd(crc, bytes);
    }
    for (const auto byte : content) crc = __crc32cb(crc, static_cast<std::uint8_t>(byte));
    return crc;
}
bool has_instruction() { return true; }
#else
std::uint32_t by_instruction(std::uint32_t crc, std::span<const std::byte> content) { return by_tables(crc, content); }
bool has_instruction() { return false; }
#endif

}  // namespace

std::uint32_t crc32c(std::uint32_t before, std::span<const std::byte> content) {
    static const bool instruction = has_instruction();
    return ~(instruction ? by_instruction(~before, content) : by_tables(~before, content));
}

}  // namespace pgbosun::codec
