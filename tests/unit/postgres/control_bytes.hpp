#pragma once
#include <cstdint>
#include <cstring>
#include <string>

namespace pgbosun::test {

// Bit by bit, so that it shares no table with the code under test.
inline std::uint32_t crc32c_of(const std::string& bytes, std::size_t length) {
    std::uint32_t crc = 0xFFFFFFFFU;
    for (std::size_t i = 0; i < length; ++i) {
        crc ^= static_cast<unsigned char>(bytes[i]);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82F63B78U & (0U - (crc & 1U)));
    }
    return ~crc;
}

template <class Value>
void put(std::string& bytes, std::size_t offset, Value value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

inline void seal(std::string& bytes, std::uint32_t version) {
    const std::size_t end = version >= 1800 ? 292 : 288;
    put(bytes, end, crc32c_of(bytes, end));
}

// A whole pg_control; `version` 1300, 1700 or 1800.
inline std::string control_bytes(std::uint32_t version = 1300) {
    std::string bytes(8192, '\0');
    put(bytes, 0, std::uint64_t{7710436416726794584});
    put(bytes, 8, version);
    put(bytes, 12, std::uint32_t{202209061});
    put(bytes, 16, std::uint32_t{6});
    put(bytes, 32, std::uint64_t{0x1500000028});
    put(bytes, 40, std::uint64_t{0x1500000000});
    put(bytes, 48, std::uint32_t{3});
    put(bytes, 52, std::uint32_t{2});
    put(bytes, 180, std::int32_t{100});
    put(bytes, 204, std::uint32_t{8});
    put(bytes, 208, 1234567.0);
    put(bytes, 216, std::uint32_t{8192});
    put(bytes, 224, std::uint32_t{8192});
    put(bytes, 228, std::uint32_t{16U << 20});
    seal(bytes, version);
    return bytes;
}

}  // namespace pgbosun::test
