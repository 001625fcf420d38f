#include <cstddef>
#include <cstdint>
#include <string_view>

#include "postgres/conninfo.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto parsed = pgbosun::postgres::parse_conninfo(text);
    if (!parsed) return 0;
    const auto again = pgbosun::postgres::parse_conninfo(pgbosun::postgres::render_conninfo(*parsed));
    if (again && *again != *parsed) __builtin_trap();
    return 0;
}
