#include <cstddef>
#include <cstdint>
#include <string_view>

#include "postgres/postmaster_pid.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto file = pgbosun::postgres::parse_postmaster_pid(text);
    if (file && file->pid <= 0) __builtin_trap();
    return 0;
}
