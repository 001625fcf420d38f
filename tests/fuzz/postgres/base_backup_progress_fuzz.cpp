#include <cstddef>
#include <cstdint>
#include <string_view>

#include "postgres/tools.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    static_cast<void>(pgbosun::postgres::parse_base_backup_progress(text));
    return 0;
}
