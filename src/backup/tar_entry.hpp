#pragma once
// Fact: the 512-byte blocks around a file in a tar (POSIX pax interchange format: a ustar header, before it
// an extended header for what does not fit there). Made by hand and not through libarchive, which copies each
// byte of the content into blocks of its own; the tests read it with libarchive, GNU tar and Python.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pgbosun::backup {

inline constexpr std::size_t tar_block = 512;
inline constexpr std::size_t tar_end_bytes = 2 * tar_block;  // of zeros

enum class TarType { file, directory };

struct TarEntry {
    std::string path;  // a directory's ends with '/'; the root's is "./"
    TarType type = TarType::file;
    std::uint16_t mode = 0600;  // permission bits
    std::uint32_t user = 0, group = 0;
    std::uint64_t size = 0;     // of a file
    std::int64_t modified = 0;  // seconds since the epoch, not negative
};

// All that stands before the content.
std::string tar_header(const TarEntry& entry);

// Zeros that follow `size` bytes of content.
constexpr std::size_t tar_padding(std::uint64_t size) {
    return static_cast<std::size_t>((tar_block - size % tar_block) % tar_block);
}

// At most, header and padding included.
std::uint64_t tar_entry_bytes(std::size_t path_length, std::uint64_t size);

}  // namespace pgbosun::backup
