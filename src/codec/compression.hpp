#pragma once
// The extensions by which an archive in Barman's layout tells the compression of an object.

#include <string_view>

#include "pgbosun/fault.hpp"
#include "pgbosun/settings.hpp"

namespace pgbosun::codec {

// "", ".zst", ".gz", ".lz4".
std::string_view extension(Compression compression);

// By the extension of `name`; a name with none of ours is not compressed. refused for the extensions other tools
// write and we cannot read (.bz2, .xz, .snappy).
Result<Compression> compression_of_name(std::string_view name);

// `name` without the extension of its compression.
std::string_view without_extension(std::string_view name);

}  // namespace pgbosun::codec
