#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wal/archive_name.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto name = pgbosun::wal::parse_archive_name(text);
    if (name && pgbosun::wal::to_string(*name) != text) std::abort();
    return 0;
}
