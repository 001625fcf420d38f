#pragma once
// Files of a backup that are read as a whole, at a moment that matters.

#include <cstddef>
#include <cstdint>
#include <string>

#include "pgbosun/fault.hpp"

namespace pgbosun::backup {

struct SmallFile {
    std::string path;  // in the tar
    std::string content;
    std::uint16_t mode = 0600;
    std::int64_t modified = 0;  // seconds since the epoch
};

inline constexpr std::size_t longest_small_file = std::size_t{16} << 20;  // bytes

// refused: longer than that, or it may not be read.
Result<SmallFile> read_small_file(const std::string& file, const std::string& path_in_tar);

// The control file is written in place: read again until two readings are the same. unavailable: it never
// was.
Result<SmallFile> read_control_file(const std::string& data_directory);

}  // namespace pgbosun::backup
