#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace pgbosun::wal {

// Exactly eight upper-case hexadecimal digits, as every part of a WAL file's name.
std::optional<std::uint32_t> parse_hex8(std::string_view text);

}  // namespace pgbosun::wal
