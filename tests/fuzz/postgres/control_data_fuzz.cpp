#include <cstddef>
#include <cstdint>
#include <string_view>

#include "postgres/control_data.hpp"
#include "unit/postgres/control_bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    // The checksum would stop almost every input: put the right one into a second try.
    static_cast<void>(pgbosun::postgres::parse_control_data(text));
    if (size < 296) return 0;
    std::string sealed(text);
    pgbosun::test::seal(sealed, text[9] == 7 ? 1800 : 1300);
    static_cast<void>(pgbosun::postgres::parse_control_data(sealed));
    return 0;
}
